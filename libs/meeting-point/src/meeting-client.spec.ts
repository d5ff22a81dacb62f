/** A client's link over real sockets, against a scripted meeting point. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { type DialerPeer, Deferred, MeetingPointDouble } from '@culvert/testkit';
import { GoAwayCode, ResetCode, type StreamHandler } from '@culvert/tunnel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { streamTarget } from './link.js';
import { MeetingClient, type MeetingClientOptions, MeetingError } from './meeting-client.js';
import type { InterceptDraft, InterceptInfo } from './messages.js';

let cleanUps: (() => unknown)[];
let meetingPoint: MeetingPointDouble;

beforeEach(async () => {
  cleanUps = [];
  meetingPoint = await start();
});
afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
});

async function start(port = 0): Promise<MeetingPointDouble> {
  const started = await MeetingPointDouble.start(port);
  cleanUps.push(() => started.stop().catch(() => undefined));
  return started;
}

function client(changes: Partial<MeetingClientOptions> = {}): MeetingClient {
  const started = new MeetingClient({
    url: meetingPoint.url,
    credential: () => Promise.resolve('secret-of-the-cluster'),
    id: 'alice',
    name: 'alice@laptop',
    version: '1',
    ...changes,
  });
  cleanUps.push(() => started.close());
  return started;
}

const WELCOME = { type: 'welcome', culvertUrl: 'http://c', trafficManagerId: 't', version: '1' };

const draft: InterceptDraft = {
  name: 'orders',
  workload: 'orders',
  namespace: 'shop',
  kind: 'Deployment',
  port: '',
  headers: [{ name: 'x-dev', value: 'alice' }],
  targetHost: '127.0.0.1',
  targetPort: 3000,
};
const TARGET = { host: '127.0.0.1', port: 9 };

function infoOf(changes: Partial<InterceptInfo> = {}): InterceptInfo {
  return {
    ...draft,
    id: 'id:orders',
    client: 'alice@laptop',
    disposition: 'ACTIVE',
    message: '',
    culvertId: null,
    ...changes,
  };
}

/** Returns the client's next peer, which has welcomed it. */
async function peer(): Promise<DialerPeer> {
  const next = await meetingPoint.nextPeer();
  await next.nextLine();
  next.send(WELCOME);
  return next;
}

/** Acts as the manager: reads the client's next `create`. */
async function accept(manager: DialerPeer, changes: Partial<InterceptInfo> = {}): Promise<void> {
  const line = await manager.nextLine();
  expect(line).toMatchObject({ type: 'create', intercept: draft });
  manager.send({ type: 'created', request: line.request, intercept: infoOf(changes) });
}

async function echo(): Promise<{ host: string; port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

/** Opens a stream like an agent's request, and sends `text`. */
function request(manager: DialerPeer, id: string, text: string): Promise<string> {
  return new Promise((resolve) => {
    const handler: StreamHandler = {
      onOpen: () => undefined,
      onData: (chunk) => resolve(chunk.toString()),
      onEnd: () => undefined,
      onReset: (code) => resolve(`reset ${code}`),
      onDrain: () => undefined,
    };
    manager.tunnel.openStream(streamTarget(id, 8080), handler)!.write(Buffer.from(text));
  });
}

const lost = expect.objectContaining({ name: 'MeetingError', code: 'LOST' }) as MeetingError;

describe('a client of the meeting point', () => {
  it('sends its name first, and is connected once it was welcomed', async () => {
    const alice = client();
    const manager = await meetingPoint.nextPeer();
    expect(await manager.nextLine()).toEqual({ type: 'client', name: 'alice@laptop' });
    expect(alice.isConnected).toBe(false);
    manager.send(WELCOME);
    await alice.whenConnected();
    expect(alice.welcome).toEqual(WELCOME);
  });

  it('matches answers to requests by their number, in any order', async () => {
    const alice = client();
    const manager = await peer();
    await alice.whenConnected();
    const both = Promise.all([
      alice.create(draft, TARGET),
      alice.create({ ...draft, name: 'other' }, TARGET),
    ]);
    const [first, second] = [await manager.nextLine(), await manager.nextLine()];
    expect(first).toEqual({ type: 'create', request: first.request, intercept: draft });
    manager.send({ type: 'created', request: 99, intercept: infoOf({ name: 'stranger' }) });
    manager.send({ type: 'created', request: second.request, intercept: infoOf({ name: 'other', id: '2' }) });
    manager.send({ type: 'refused', request: second.request, code: 'LIMIT', message: 'too late' });
    manager.send({ type: 'created', request: first.request, intercept: infoOf({ id: '1' }) });
    expect((await both).map(({ id }) => id)).toEqual(['1', '2']);
  });

  it('receives the reason for a refused request', async () => {
    const alice = client();
    const manager = await peer();
    const created = alice.create(draft, TARGET);
    const { request: number } = await manager.nextLine();
    manager.send({ type: 'refused', request: number, code: 'CONFLICT', message: 'bob has it' });
    await expect(created).rejects.toEqual(new MeetingError('CONFLICT', 'bob has it'));
  });

  it('treats an answer of another kind as missing', async () => {
    const alice = client();
    const manager = await peer();
    const created = alice.create(draft, TARGET);
    const { request: number } = await manager.nextLine();
    manager.send({ type: 'removed', request: number, id: 'x', isLast: true });
    await expect(created).rejects.toEqual(lost);
  });

  it.each([
    ['of a type it does not know', { type: 'from-the-future', request: 1 }],
    ['with a code it does not know', { type: 'refused', request: 1, code: 'constructor', message: '' }],
    [
      'with a disposition it does not know',
      { type: 'intercept', intercept: { ...infoOf(), disposition: 'X' } },
    ],
    ['of another client', { type: 'intercept', intercept: infoOf({ name: 'of-bob' }) }],
  ])('continues after a line %s', async (_, line) => {
    const heard: InterceptInfo[] = [];
    const alice = client({ onIntercept: (info) => heard.push(info) });
    const manager = await peer();
    const created = alice.create(draft, TARGET);
    const { request: number } = await manager.nextLine();
    manager.send({ request: number, ...line });
    manager.send({ type: 'created', request: number, intercept: infoOf() });
    manager.send({ type: 'intercept', intercept: infoOf({ disposition: 'NO_AGENT' }) });
    expect((await created).id).toBe('id:orders');
    await expect
      .poll(() => heard.map(({ disposition }) => disposition), { interval: 1 })
      .toEqual(['NO_AGENT']);
  });

  it.each([
    ['that is not JSON', 'hello\n'],
    ['that never ends', 'x'.repeat(262_144)],
  ])(
    'disconnects on a line %s; pending requests get no answer, and intercepts are resumed',
    async (_, text) => {
      const alice = client();
      const manager = await peer();
      const created = alice.create(draft, TARGET);
      await accept(manager);
      await created;
      const listed = alice.list();
      await manager.nextLine();
      manager.write(text);
      await expect(listed).rejects.toEqual(lost);
      expect((await manager.closed).code).toBe(GoAwayCode.PROTOCOL_ERROR);
      await accept(await peer());
    },
  );

  it('refuses to send what no line can hold, and continues', async () => {
    const alice = client();
    const manager = await peer();
    const tooLong = alice.create({ ...draft, targetHost: 'x'.repeat(300_000) }, TARGET);
    await expect(tooLong).rejects.toMatchObject({ name: 'MeetingError', code: 'BAD_ARGS' });
    const listed = alice.list();
    const { request: number } = await manager.nextLine();
    manager.send({ type: 'listed', request: number, intercepts: [infoOf()], workloads: [] });
    expect((await listed).intercepts).toHaveLength(1);
  });

  it('disconnects from a traffic manager that reads nothing, before it holds more than 8 MiB for it', async () => {
    const alice = client();
    const manager = await peer();
    await alice.whenConnected();
    manager.stopReading();
    const long = { ...draft, targetHost: 'x'.repeat(200_000) };
    const requests = Array.from({ length: 60 }, (_, i) => alice.create({ ...long, name: `n${i}` }, TARGET));
    const settled = await Promise.allSettled(requests);
    for (const { status } of settled) expect(status).toBe('rejected');
    expect(await manager.closed).toEqual({
      code: GoAwayCode.PROTOCOL_ERROR,
      reason: 'the peer does not read its control stream',
    });
    await peer();
  });
});

describe('requests of an intercept', () => {
  it('reach the target at once, even in the message that reports the intercept', async () => {
    const alice = client();
    const manager = await peer();
    const created = alice.create(draft, await echo());
    const { request: number } = await manager.nextLine();
    manager.send({ type: 'created', request: number, intercept: infoOf() });
    expect(await request(manager, 'id:orders', 'hello')).toBe('hello');
    await created;
  });

  it('are refused if the client does not hold such an intercept, or no longer does', async () => {
    const alice = client();
    const manager = await peer();
    const created = alice.create(draft, await echo());
    await accept(manager);
    await created;
    expect(await request(manager, 'another', 'hello')).toBe(`reset ${ResetCode.INGRESS_UNREACHABLE}`);
    const removed = alice.remove('id:orders');
    const { request: number } = await manager.nextLine();
    expect(await request(manager, 'id:orders', 'hello')).toBe(`reset ${ResetCode.INGRESS_UNREACHABLE}`);
    manager.send({ type: 'removed', request: number, id: 'id:orders', isLast: true });
    expect(await removed).toEqual({ isLast: true });
  });

  it('follow the newest draft', async () => {
    const alice = client();
    const manager = await peer();
    for (const target of [TARGET, await echo()]) {
      const created = alice.create(draft, target);
      await accept(manager);
      await created;
    }
    expect(await request(manager, 'id:orders', 'hello')).toBe('hello');
  });
});

describe('a client whose connection breaks', () => {
  it('reports that its request has no answer, and does not repeat it', async () => {
    const alice = client();
    const manager = await peer();
    const created = alice.create(draft, TARGET);
    await manager.nextLine();
    manager.tunnel.close(GoAwayCode.NORMAL, 'cut');
    await expect(created).rejects.toEqual(lost);
    const again = await peer();
    void alice.list().catch(() => undefined);
    expect((await again.nextLine()).type).toBe('list');
  });

  it('resumes its intercepts, and reports that as a change', async () => {
    const heard: InterceptInfo[] = [];
    const alice = client({ onIntercept: (info) => heard.push(info) });
    const { port } = meetingPoint.url;
    const manager = await peer();
    const created = alice.create(draft, await echo());
    await accept(manager);
    await created;
    await meetingPoint.stop();
    await expect.poll(() => alice.isConnected, { interval: 1 }).toBe(false);
    await expect(alice.remove('something')).rejects.toEqual(lost);
    meetingPoint = await start(Number(port));
    const again = await peer();
    await accept(again, { disposition: 'WAITING' });
    await expect
      .poll(() => heard.map(({ disposition }) => disposition), { interval: 1 })
      .toEqual(['WAITING']);
    expect(await request(again, 'id:orders', 'hello')).toBe('hello');
  });

  // The answer was reported after the change that came with it: `culvert intercept` showed an outdated state.
  it.each(['created', 'resumed'])(
    'when %s, reports the latest state last, even for changes in the same message',
    async (how) => {
      const told: (string | null)[] = [];
      const alice = client({ onIntercept: ({ culvertId }) => told.push(culvertId) });
      let manager = await peer();
      if (how === 'resumed') {
        const first = alice.create(draft, TARGET);
        await accept(manager);
        await first;
        manager.tunnel.close(GoAwayCode.NORMAL, 'the manager restarts');
        manager = await peer();
      }
      const created = how === 'created' ? alice.create(draft, TARGET) : null;
      const asked = await manager.nextLine();
      const lines = [
        { type: 'created', request: asked.request, intercept: infoOf({ disposition: 'WAITING' }) },
        { type: 'intercept', intercept: infoOf({ culvertId: 'c' }) },
      ];
      manager.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      if (created === null) await expect.poll(() => told).toEqual(['c', 'c']);
      else expect([(await created).culvertId, told]).toEqual(['c', ['c']]);
    },
  );

  it('gives up what cannot be resumed, and reports that once', async () => {
    const refused: string[] = [];
    const alice = client({ onRefused: ({ name }, { code }) => void refused.push(`${name} ${code}`) });
    const first = await peer();
    const created = alice.create(draft, await echo());
    await accept(first);
    await created;
    first.tunnel.close(GoAwayCode.NORMAL, 'cut');
    const second = await peer();
    const { request: number } = await second.nextLine();
    second.send({ type: 'refused', request: number, code: 'CONFLICT', message: 'bob was faster' });
    await expect.poll(() => refused, { interval: 1 }).toEqual(['orders CONFLICT']);
    second.tunnel.close(GoAwayCode.NORMAL, 'cut');
    const third = await peer();
    void alice.list().catch(() => undefined);
    expect((await third.nextLine()).type).toBe('list');
    expect(await request(third, 'id:orders', 'hello')).toBe(`reset ${ResetCode.INGRESS_UNREACHABLE}`);
  });

  it('retries at the next connection if it breaks while resuming', async () => {
    const refused: string[] = [];
    const alice = client({ onRefused: ({ name }) => void refused.push(name) });
    const first = await peer();
    const created = alice.create(draft, TARGET);
    await accept(first);
    await created;
    first.tunnel.close(GoAwayCode.NORMAL, 'cut');
    const second = await peer();
    expect((await second.nextLine()).type).toBe('create');
    second.tunnel.close(GoAwayCode.NORMAL, 'cut');
    await accept(await peer());
    expect(refused).toEqual([]);
  });

  it('delays a request until it is welcomed again', async () => {
    const alice = client();
    const first = await peer();
    await alice.whenConnected();
    first.tunnel.close(GoAwayCode.NORMAL, 'cut');
    const second = await meetingPoint.nextPeer();
    await second.nextLine();
    const listed = alice.list();
    second.send(WELCOME);
    const { request: number } = await second.nextLine();
    second.send({ type: 'listed', request: number, intercepts: [], workloads: [] });
    expect(await listed).toMatchObject({ intercepts: [], workloads: [] });
  });
});

describe('a client that stops', () => {
  it('leaves no request without an outcome', async () => {
    const alice = client();
    const manager = await peer();
    const created = alice.create(draft, TARGET);
    await manager.nextLine();
    alice.close();
    await expect(created).rejects.toEqual(lost);
    await expect(alice.list()).rejects.toEqual(lost);
    await expect(alice.whenConnected()).rejects.toEqual(lost);
  });

  it.each(['close', 'stop'] as const)('by %s, even before it was ever connected', async (how) => {
    meetingPoint.refuseWith = 503;
    const refused = new Deferred();
    const alice = client({ events: { onRefused: () => refused.resolve() } });
    const created = alice.create(draft, TARGET).catch((error: unknown) => error);
    await refused.promise;
    if (how === 'close') alice.close();
    else await alice.stop(1000);
    expect(await created).toEqual(lost);
  });

  it('lets requests in progress finish', async () => {
    const alice = client();
    const manager = await peer();
    const created = alice.create(draft, await echo());
    await accept(manager);
    await created;
    const got: string[] = [];
    const ended = new Deferred();
    const stream = manager.tunnel.openStream(streamTarget('id:orders', 8080), {
      onOpen: () => undefined,
      onData: (chunk) => void got.push(chunk.toString()),
      onEnd: () => ended.resolve(),
      onReset: (code) => void got.push(`reset ${code}`),
      onDrain: () => undefined,
    })!;
    stream.write(Buffer.from('before'));
    await expect.poll(() => got.join(''), { interval: 1 }).toBe('before');
    const stopped = alice.stop(60_000);
    stream.write(Buffer.from(' after'));
    stream.end();
    await ended.promise;
    expect(got.join('')).toBe('before after');
    await stopped;
  });
});
