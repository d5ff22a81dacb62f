/** Walks a connection over a real socket along each edge of docs/relay.md, by actions of a visitor, a service or the relay. */
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Rig, startRig } from '../spec/relay-rig.js';
import { nameOfState, readStateTable } from '../spec/state-table.js';
import type { ConnectionHost } from './host.js';
import { Http1Connection } from './http1-connection.js';
import { Http1State } from './http1-state.js';

const HOST = 'Host: demo.preview.test\r\n';
const REQUEST = `GET / HTTP/1.1\r\n${HOST}\r\n`;
const LAST_REQUEST = `GET / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;
const UPLOAD = `POST / HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\nx`;
const UPGRADE = `GET / HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
const TUNNEL = `GET /tunnel HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

/** One connection, with the visitor, the service and the relay that act on it. */
interface Scene {
  readonly connection: Http1Connection;
  readonly visitor: net.Socket;
  /** Resolves with the service's end of the stream in use, once a request is there. */
  readonly service: Promise<net.Socket>;
}

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** Returns the relay as a connection sees it, which hands off what begins with `\0` and upgrades of `/tunnel`. */
function hostOf(rig: Rig): ConnectionHost {
  const { host } = rig.relay as unknown as { readonly host: ConnectionHost };
  const keep = (socket: net.Socket): void => void cleanUps.push(() => socket.destroy());
  const handOff: ConnectionHost['handOff'] = {
    ofBytes: (bytes) => (bytes[0] === 0 ? keep : null),
    ofUpgrade: (request) => (request.target === '/tunnel' ? keep : null),
    ofStream: () => null,
  };
  return Object.create(host, { handOff: { value: handOff } }) as ConnectionHost;
}

async function start(): Promise<Scene> {
  let serve: (socket: net.Socket) => void = () => {};
  const service = new Promise<net.Socket>((resolve) => (serve = resolve));
  const rig = await startRig(null, { serve: (socket) => void socket.once('data', () => serve(socket)) });
  cleanUps.push(() => rig.stop());
  const host = hostOf(rig);
  const listener = net.createServer({ allowHalfOpen: true });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  cleanUps.push(() => listener.close());
  const { port } = listener.address() as net.AddressInfo;
  const visitor = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  visitor.on('error', () => {}).resume();
  const [socket] = (await once(listener, 'connection')) as [net.Socket];
  cleanUps.push(() => visitor.destroy());
  return { connection: new Http1Connection(host, socket, false), visitor, service };
}

type Step = (scene: Scene) => unknown;
const send =
  (text: string): Step =>
  ({ visitor }) =>
    visitor.write(text, 'latin1');
const answer =
  (text: string): Step =>
  async ({ service }) =>
    (await service).write(text, 'latin1');
const drain: Step = ({ connection }) => connection.drain();
const leave: Step = ({ visitor }) => visitor.resetAndDestroy();

/** What brings a new connection to each state, one step for each edge on the way. */
const WAYS: Readonly<Record<string, readonly Step[]>> = {
  new: [],
  idle: [send('\r\n')],
  head: [send('\r\n'), send('G')],
  exchange: [send(REQUEST)],
  'last-exchange': [send(LAST_REQUEST)],
  upgraded: [send(UPGRADE), answer(SWITCH)],
  closing: [send(LAST_REQUEST), answer(ANSWER)],
  lingering: [send('G'), drain],
  'handed-off': [send('\0')],
  closed: [leave],
};

/** Actions that lead along each edge, for a connection that is in the state where the edge begins. */
const EDGES: Readonly<Record<string, Step>> = {
  'new idle': send('\r\n'),
  'new closing': drain,
  'new handed-off': send('\0'),
  'idle head': send('GET / HT'),
  'idle exchange': send(REQUEST),
  'idle last-exchange': send(LAST_REQUEST),
  'idle closing': drain,
  'idle lingering': send('not HTTP\r\n\r\n'),
  'idle handed-off': send(TUNNEL),
  'head exchange': send(REQUEST.slice(1)),
  'head last-exchange': send(LAST_REQUEST.slice(1)),
  'head lingering': drain,
  'head handed-off': send(TUNNEL.slice(1)),
  'exchange idle': answer(ANSWER),
  'exchange last-exchange': drain,
  'last-exchange closing': answer(ANSWER),
  'upgraded closing': ({ connection }) => connection.finishRaw(),
};

/** Edges that need a request of their own: the steps to the state where they begin, and the actions that lead along them. */
const SPECIAL: Readonly<Record<string, readonly [way: readonly Step[], edge: Step]>> = {
  'exchange upgraded': [[send(UPGRADE)], answer(SWITCH)],
  'last-exchange upgraded': [[send(UPGRADE), ({ visitor }) => visitor.end()], answer(SWITCH)],
  'last-exchange lingering': [[send(UPLOAD), drain], answer(ANSWER)],
};

describe(Http1Connection.name, () => {
  const table = readStateTable('States of an HTTP/1.1 connection');
  const edges = [...table].flatMap(([from, following]) => following.map((to) => ({ from, to })));
  const states = new Map(Object.entries(Http1State).map(([name, value]) => [value, nameOfState(name)]));

  it.each(edges)('goes from $from to $to', async ({ from, to }) => {
    const name = `${from} ${to}`;
    const [way, edge] = SPECIAL[name] ?? [WAYS[from], to === 'closed' ? leave : EDGES[name]];
    const scene = await start();
    const state = (): string | undefined => states.get(scene.connection.state);
    for (const step of way) {
      const before = state();
      await step(scene);
      await expect.poll(state).not.toBe(before);
    }
    expect(state()).toBe(from);
    await edge(scene);
    await expect.poll(state).toBe(to);
  });
});
