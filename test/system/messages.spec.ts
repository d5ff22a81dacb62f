import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  exchange,
  type Exchange,
  type ExchangeBodies,
  exchangeMessage,
  type ExchangeMessage,
} from '@culvert/contract';
import { EventReader } from '@culvert/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { EXIT, startCulvert } from '../support/cli.js';
import { API_KEY, type Deployment, startDeployment } from '../support/deployment.js';
import { startSplit } from '../support/split-deployment.js';

/** Messages within exchanges, in one process, and with two edges where each request takes a hop. */
interface Shape {
  readonly deployment: Deployment;
  /** Port of the edge that the traffic manager is connected to. */
  readonly tunnelPort: number;
  stop(): Promise<void>;
}

async function standalone(): Promise<Shape> {
  const deployment = await startDeployment({ DATA_DIR: 'memory' });
  return { deployment, tunnelPort: deployment.port, stop: () => deployment.stop() };
}

/** Secret of the fleets of all tests, which share Redis. */
const LINK_SECRET = 'links-of-tests-0123456789abcdef0123456789';

async function withHop(): Promise<Shape> {
  const split = await startSplit({
    edges: 2,
    edgeEnv: { EDGE_LINK_SECRET: LINK_SECRET, EDGE_LINK_PORT: '0', EDGE_LINK_ADDRESS: '' },
  });
  return { deployment: split.deployment, tunnelPort: split.ports[1], stop: () => split.stop() };
}

describe.each([
  ['one process', standalone],
  ['two edges and a hop', withHop],
] as const)('messages in %s', (_shape, start) => {
  let shape: Shape;
  let service: http.Server;
  let preview: { id: string; hostname: string };
  const readers: EventReader[] = [];
  /** Streams of events that a test writes to. */
  const streams: http.ServerResponse[] = [];

  beforeAll(async () => {
    service = http
      .createServer((request, response) => {
        if (request.url === '/events') {
          response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
          streams.push(response);
          return;
        }
        const reply = Buffer.concat([
          Buffer.from([0, 0, 0, 0, 5, 0x0a, 3, 0x41, 0x6e, 0x6e, 0x80, 0, 0, 0, 15]),
          Buffer.from('grpc-status:7\r\n'),
        ]);
        request
          .resume()
          .on('end', () =>
            response.writeHead(200, { 'content-type': 'application/grpc-web+proto' }).end(reply),
          );
      })
      .listen(0, '127.0.0.1');
    new WebSocketServer({ server: service, perMessageDeflate: { threshold: 0 } }).on(
      'connection',
      (socket) => {
        socket.on('error', () => {});
        socket.on('message', (data: Buffer, binary) => socket.send(data, { binary }));
      },
    );
    await once(service, 'listening');
    shape = await start();
    await shape.deployment.startManager({ CULVERT_URL: `http://127.0.0.1:${shape.tunnelPort}` });
    preview = await shape.deployment.createPreview((service.address() as AddressInfo).port);
  });
  afterEach(() => {
    for (const reader of readers.splice(0)) reader.close();
    for (const stream of streams.splice(0)) stream.end();
  });
  afterAll(async () => {
    await shape?.stop();
    service?.closeAllConnections();
    service?.close();
  });

  const open = async (query: string) => {
    const reader = await EventReader.open(
      `http://127.0.0.1:${shape.deployment.port}/api/v1/previews/${preview.id}/exchanges${query}`,
      { authorization: `Bearer ${API_KEY}` },
    );
    readers.push(reader);
    return reader;
  };
  const watch = async (query: string) => {
    const reader = await open(query);
    await reader.next('ready');
    return reader;
  };
  const message = async (reader: EventReader): Promise<ExchangeMessage> =>
    exchangeMessage.parse((await reader.next('message')).data);
  const summary = async (reader: EventReader, isMeant: (each: Exchange) => boolean) =>
    exchange.parse((await reader.next('exchange', isMeant)).data).messages;
  const dial = (path: string, options: object = {}) =>
    new WebSocket(`ws://127.0.0.1:${shape.deployment.port}${path}`, {
      headers: { host: `${preview.hostname}:${shape.deployment.port}` },
      ...options,
    });

  it.each([
    ['without compression', { perMessageDeflate: false }],
    ['with compression', { perMessageDeflate: { threshold: 0 } }],
  ])('of a WebSocket are shown as they pass, %s, and again to a later watcher', async (name, options) => {
    const reader = await watch('?captureBodies=true');
    const path = `/${name.length}`;
    const socket = dial(path, options);
    await once(socket, 'open');
    for (const text of ['first', 'second']) {
      socket.send(text);
      await once(socket, 'message');
    }
    const seen = [await message(reader), await message(reader), await message(reader), await message(reader)];
    expect(seen.map(({ direction, kind, text, seq }) => [direction, kind, text, seq])).toEqual([
      ['request', 'text', 'first', 0],
      ['response', 'text', 'first', 1],
      ['request', 'text', 'second', 2],
      ['response', 'text', 'second', 3],
    ]);
    const later = await open('?captureBodies=true');
    expect(await message(later)).toMatchObject({ text: 'first', seq: 0 });
    socket.close(4000, 'enough');
    await once(socket, 'close');
    const isEnded = ({ state, target }: Exchange) => state === 'ended' && target === path;
    expect(await summary(reader, isEnded)).toMatchObject({
      protocol: 'websocket',
      request: { count: 3 },
      response: { count: 3 },
      note: null,
    });
    const bodies = (await reader.next('bodies')).data as ExchangeBodies;
    expect(bodies.messages?.map(({ kind, code }) => [kind, code]).slice(-2)).toEqual([
      ['close', 4000],
      ['close', 4000],
    ]);
  });

  it('are lines of culvert inspect, and part of its archive', async () => {
    const home = mkdtempSync(join(tmpdir(), 'culvert-test-'));
    const har = join(home, 'traffic.har');
    const watching = startCulvert(
      ['inspect', preview.id, '--messages', '--path', '/inspected', '--har', har],
      {
        HOME: home,
        CULVERT_URL: `http://127.0.0.1:${shape.deployment.port}`,
        CULVERT_API_KEY: API_KEY,
      },
    );
    // Exchanges are reported from the moment someone watches.
    const sockets: WebSocket[] = [];
    await expect
      .poll(
        async () => {
          const socket = dial('/inspected');
          sockets.push(socket);
          await once(socket, 'open');
          socket.send('to the service');
          await once(socket, 'message');
          return watching.stdout;
        },
        { timeout: 20_000, interval: 200 },
      )
      .toMatch(/ {2}> {2}text .* {2}to the service {2}.*\n.* {2}< {2}text .* {2}to the service {2}/);
    watching.kill('SIGINT');
    expect((await watching.exited).code).toBe(EXIT.ok);
    const { log } = JSON.parse(readFileSync(har, 'utf8')) as { log: { entries: object[] } };
    expect(log.entries[0]).toMatchObject({
      _resourceType: 'websocket',
      _webSocketMessages: [
        { type: 'send', opcode: 1, data: 'to the service' },
        { type: 'receive', opcode: 1, data: 'to the service' },
      ],
    });
    for (const socket of sockets) socket.terminate();
    rmSync(home, { recursive: true });
  });

  it('are counted, and not shown, to a watcher that captures nothing', async () => {
    const reader = await watch('');
    const socket = dial('/counted');
    await once(socket, 'open');
    socket.send('secret');
    await once(socket, 'message');
    socket.terminate();
    const isEnded = ({ state, target }: Exchange) => state === 'ended' && target === '/counted';
    expect(await summary(reader, isEnded)).toMatchObject({ request: { count: 1 }, response: { count: 1 } });
    // Messages arrive before the end of their exchange.
    expect(reader.pending.filter(({ name }) => name === 'message')).toEqual([]);
  });

  it('do not disturb a WebSocket whose frames are malformed', async () => {
    const reader = await watch('?captureBodies=true');
    const socket = dial('/malformed');
    await once(socket, 'open');
    // Reserved bits: the service closes the connection, not Culvert.
    const raw = (socket as unknown as { _socket: Socket })._socket;
    raw.write(Buffer.from([0xb1, 0x80, 0, 0, 0, 0]));
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(1002);
    const isEnded = ({ state, target }: Exchange) => state === 'ended' && target === '/malformed';
    expect((await summary(reader, isEnded))?.note).toBe('a frame has reserved bits');
  });

  it('of gRPC-web and of streams of events are shown', async () => {
    const reader = await watch('?captureBodies=true');
    const { port } = shape.deployment;
    const headers = { host: `${preview.hostname}:${port}` };
    const call = http.request({
      port,
      host: '127.0.0.1',
      path: '/rpc',
      method: 'POST',
      agent: false,
      headers: { ...headers, 'content-type': 'application/grpc-web+proto' },
    });
    call.end(Buffer.from([0, 0, 0, 0, 2, 0x08, 42]));
    const [answer] = (await once(call, 'response')) as [http.IncomingMessage];
    answer.resume();
    await once(answer, 'end');
    const seen = [await message(reader), await message(reader), await message(reader)];
    expect(seen.map(({ direction, kind, code, text }) => [direction, kind, code, text])).toEqual([
      ['request', 'grpc', null, '1: 42'],
      ['response', 'grpc', null, '1: "Ann"'],
      ['response', 'trailers', 7, 'grpc-status:7\r\n'],
    ]);
    const follow = http.get({ port, host: '127.0.0.1', path: '/events', agent: false, headers });
    await once(follow, 'response');
    streams[0].write('event: price\ndata: 17\n\n');
    expect(await message(reader)).toMatchObject({ kind: 'event', text: 'event: price\ndata: 17\n' });
    follow.destroy();
  });
});
