/** Traffic manager, agents and clients over real sockets; Culvert is unreachable. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import {
  AgentLink,
  CLUSTER_PATH,
  CONTROL_INTERCEPT_ID,
  MeetingClient,
  streamTarget,
  type InterceptDraft,
  type InterceptInfo,
  type LookedFor,
  type MeetingClientOptions,
} from '@culvert/meeting-point';
import { Deferred } from '@culvert/testkit';
import {
  dialTunnel,
  dialWebSocket,
  GoAwayCode,
  ResetCode,
  type Stream,
  type TunnelConnection,
} from '@culvert/tunnel';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTrafficManager, type TrafficManager } from '../index.js';
import { StreamProbe } from '../spec/test-edge.js';

const SECRET = 'a-secret-of-the-cluster';

let manager: TrafficManager;
let url: URL;
let cleanUps: (() => unknown)[];

beforeEach(async () => {
  cleanUps = [];
  manager = startManager();
  url = new URL(`http://127.0.0.1:${await manager.clusterPort}`);
});
afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
});

function startManager(clusterPort = 0, drainMs = 200): TrafficManager {
  const started = startTrafficManager(
    {
      // Nothing listens at port 9: discard.
      url: 'http://127.0.0.1:9',
      apiKey: 'cvt_own',
      managerId: 'm1',
      drainMs,
      clusterPort,
      clusterSecret: SECRET,
      clientGraceMs: 60_000,
    },
    pino({ level: 'silent' }),
  );
  cleanUps.push(() => started.stop());
  return started;
}

function dialed(id: string) {
  return { url, credential: () => Promise.resolve(SECRET), id, name: `${id}@laptop`, version: '1' };
}

function client(id: string, options: Partial<MeetingClientOptions> = {}): MeetingClient {
  const started = new MeetingClient({ ...dialed(id), ...options });
  cleanUps.push(() => started.close());
  return started;
}

interface TestAgent {
  readonly link: AgentLink;
  /** Resolves with the list once it has this many intercepts. */
  looksFor(count: number): Promise<readonly LookedFor[]>;
}

function agent(id = 'a1'): TestAgent {
  let list: readonly LookedFor[] = [];
  let wake = new Deferred();
  const link = new AgentLink({
    ...dialed(id),
    announcement: {
      workload: 'orders',
      namespace: 'shop',
      kind: 'Deployment',
      pod: id,
      ports: [{ port: 8080, name: 'http' }],
    },
    onIntercepts: (intercepts) => {
      list = intercepts;
      wake.resolve();
      wake = new Deferred();
      return [];
    },
  });
  cleanUps.push(() => link.close());
  return {
    link,
    looksFor: async (count) => {
      while (list.length !== count) await wake.promise;
      return list;
    },
  };
}

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

/** Starts a target of the client; `serve` handles each connection. */
async function target(serve: (socket: Socket) => void): Promise<{ host: string; port: number }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

const echo = (socket: Socket): void => void socket.pipe(socket);

/** Records the events of a stream that the agent opened. */
function probe(from: TestAgent, interceptId: string): StreamProbe {
  return new StreamProbe(
    {
      openStream: (_target: unknown, handler: StreamProbe): Stream | null =>
        from.link.openStream(interceptId, 8080, handler),
    } as unknown as TunnelConnection,
    streamTarget(interceptId, 8080),
  );
}

/** Resolves once the client received the disposition. */
function watch(): {
  onIntercept: (info: InterceptInfo) => void;
  until(wanted: string): Promise<InterceptInfo>;
} {
  const seen: InterceptInfo[] = [];
  let wake = new Deferred();
  return {
    onIntercept: (info) => {
      seen.push(info);
      wake.resolve();
      wake = new Deferred();
    },
    until: async (wanted) => {
      for (;;) {
        const found = seen.find(({ disposition }) => disposition === wanted);
        if (found) return found;
        await wake.promise;
      }
    },
  };
}

describe('the meeting point', () => {
  it('connects an intercepting client with an agent, whose matching requests reach the target', async () => {
    const orders = agent();
    const states = watch();
    const alice = client('alice', states);
    const { id, disposition } = await alice.create(draft, await target(echo));
    expect(['WAITING', 'NO_AGENT', 'ACTIVE']).toContain(disposition);
    expect(await orders.looksFor(1)).toEqual([
      { id, port: 0, headers: [{ name: 'x-dev', value: 'alice' }], acceptedIds: [id] },
    ]);
    if (disposition !== 'ACTIVE') await states.until('ACTIVE');
    const stream = probe(orders, id);
    await stream.opened;
    const sent = Buffer.alloc(4 * 1024 * 1024, 'culvert');
    for (let at = 0; at < sent.length; at += 65_536) await stream.write(sent.subarray(at, at + 65_536));
    stream.stream.end();
    await stream.ended;
    expect(Buffer.concat(stream.received).equals(sent)).toBe(true);
  });

  it('lists all agents and intercepts', async () => {
    const orders = agent();
    const alice = client('alice');
    const { id } = await alice.create(draft, { host: '127.0.0.1', port: 1 });
    await orders.looksFor(1);
    const listed = await client('bob').list();
    expect(listed.intercepts).toMatchObject([{ id, client: 'alice@laptop', headers: draft.headers }]);
    expect(listed.workloads).toMatchObject([{ workload: 'orders', namespace: 'shop', agents: 1 }]);
  });

  it('sends clients the URL of Culvert', async () => {
    const alice = client('alice');
    await alice.whenConnected();
    expect(alice.welcome).toMatchObject({ culvertUrl: 'http://127.0.0.1:9/', trafficManagerId: '' });
  });

  it.each([
    ['BAD_ARGS', { headers: [{ name: 'x', pattern: '(' }] }, /pattern/],
    ['BAD_ARGS', { workload: 'or ders' }, /workload must consist of/],
    ['BAD_ARGS', { targetPort: 70_000 }, /targetPort/],
  ])('refuses a request with %s for %o', async (code, changes, message) => {
    const created = client('alice').create({ ...draft, ...changes }, { host: '127.0.0.1', port: 1 });
    await expect(created).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
  });

  it('refuses the same headers to a second client', async () => {
    await client('alice').create(draft, { host: '127.0.0.1', port: 1 });
    await expect(client('bob').create(draft, { host: '127.0.0.1', port: 1 })).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('alice@laptop already intercepts orders') as string,
    });
  });

  it('stops agents looking for a removed intercept', async () => {
    const orders = agent();
    const alice = client('alice');
    const { id } = await alice.create(draft, { host: '127.0.0.1', port: 1 });
    await orders.looksFor(1);
    expect(await alice.remove(id)).toEqual({ isLast: true });
    await orders.looksFor(0);
    await expect(alice.remove(id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('stops agents looking for a client that vanished, and resets its streams', async () => {
    const orders = agent();
    const alice = client('alice');
    const { id } = await alice.create(draft, await target(echo));
    await orders.looksFor(1);
    const stream = probe(orders, id);
    await stream.opened;
    alice.close();
    expect((await stream.reset).code).toBe(ResetCode.INGRESS_RESET);
    await orders.looksFor(0);
    const late = probe(orders, id);
    expect(await late.reset).toEqual({
      code: ResetCode.INGRESS_UNREACHABLE,
      detail: 'the intercepting client is not connected',
    });
  });

  it('distinguishes a target that refuses from a client that is away', async () => {
    const orders = agent();
    const { port } = await target(echo);
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const unused = (closed.address() as AddressInfo).port;
    closed.close();
    expect(unused).not.toBe(port);
    const { id } = await client('alice').create(draft, { host: '127.0.0.1', port: unused });
    await orders.looksFor(1);
    expect((await probe(orders, id).reset).code).toBe(ResetCode.INGRESS_REFUSED);
  });

  it('resumes everything after the traffic manager was killed', async () => {
    const orders = agent();
    const states = watch();
    const alice = client('alice', states);
    const { id } = await alice.create(draft, await target(echo));
    await orders.looksFor(1);
    await manager.stop();
    await orders.looksFor(0);
    manager = startManager(Number(url.port));
    expect((await orders.looksFor(1))[0].id).toBe(id);
    const stream = probe(orders, id);
    await stream.opened;
    stream.stream.end();
    await stream.ended;
    expect(stream.stream.isOpen).toBe(false);
  });
});

describe('leaving the meeting point', () => {
  it('takes no longer than the requests in progress', async () => {
    const orders = agent();
    const alice = client('alice');
    const { id } = await alice.create(draft, await target(echo));
    await orders.looksFor(1);
    const stream = probe(orders, id);
    await stream.opened;
    // Longer than this test may take.
    const stopped = alice.stop(3_600_000);
    await orders.looksFor(0);
    await stream.write(Buffer.from('hello'));
    stream.stream.end();
    await stream.ended;
    expect(stream.text).toBe('hello');
    await stopped;
    await orders.link.stop(3_600_000);
  });

  it('does not wait for dialers that have nothing to finish', async () => {
    const patient = startManager(0, 3_600_000);
    url = new URL(`http://127.0.0.1:${await patient.clusterPort}`);
    const orders = agent();
    const alice = client('alice');
    await alice.create(draft, { host: '127.0.0.1', port: 1 });
    await orders.looksFor(1);
    await patient.stop();
    expect(await orders.looksFor(0)).toEqual([]);
  });
});

describe('the upgrade at the meeting point', () => {
  async function dial(credential: string): Promise<number | null> {
    const result = await dialWebSocket({ url, path: CLUSTER_PATH, apiKey: credential, timeoutMs: 2000 });
    if (!result.ok) return result.status;
    result.carrier.close(4000, '');
    return 101;
  }

  it('accepts only the secret while Culvert cannot be asked', async () => {
    expect(await dial(SECRET)).toBe(101);
    expect(await dial('cvt_own')).toBe(101);
    expect(await dial('cvt_other')).toBe(503);
  });

  it('answers 404 to everything else', async () => {
    const answer = await fetch(new URL('/healthz', url));
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain(CLUSTER_PATH);
    const elsewhere = await dialWebSocket({ url, path: '/tunnel/v1', apiKey: SECRET, timeoutMs: 2000 });
    expect(elsewhere).toMatchObject({ ok: false, status: 404 });
  });
});

describe('a dialer that breaks the rules', () => {
  interface Raw {
    readonly tunnel: TunnelConnection;
    readonly closed: Promise<{ code: GoAwayCode; reason: string }>;
    control(text: string): StreamProbe;
  }

  async function raw(): Promise<Raw> {
    const result = await dialWebSocket({ url, path: CLUSTER_PATH, apiKey: SECRET, timeoutMs: 2000 });
    if (!result.ok) throw new Error(result.reason);
    const opened = new Deferred();
    const closed = new Deferred<{ code: GoAwayCode; reason: string }>();
    const hello = { managerId: 'r', clusterId: '', name: 'r', version: '1', instanceId: 'r1' };
    const tunnel = dialTunnel(result.carrier, hello, {
      onOpen: () => opened.resolve(),
      onGoAway: (code, reason) => closed.resolve({ code, reason }),
      onClose: (code, reason) => closed.resolve({ code, reason }),
    });
    cleanUps.push(() => tunnel.close(GoAwayCode.NORMAL, ''));
    await opened.promise;
    return {
      tunnel,
      closed: closed.promise,
      control: (text) => {
        const stream = new StreamProbe(tunnel, streamTarget(CONTROL_INTERCEPT_ID, 1));
        stream.stream.write(Buffer.from(text));
        return stream;
      },
    };
  }

  it.each([
    ['no JSON', 'hello\n'],
    ['no object', '[]\n'],
    ['no type', '{}\n'],
    ['an unknown first line', '{"type":"create","request":1}\n'],
    [
      'an agent without ports',
      '{"type":"agent","workload":"a","namespace":"b","kind":"c","pod":"d","ports":[]}\n',
    ],
    ['a line without end', '{"type":"'.padEnd(300_000, 'x')],
  ])('loses its tunnel for %s', async (_, text) => {
    const peer = await raw();
    peer.control(text);
    expect((await peer.closed).code).toBe(GoAwayCode.PROTOCOL_ERROR);
  });

  it('loses its tunnel for a second control stream', async () => {
    const peer = await raw();
    peer.control('{"type":"client","name":"x"}\n');
    peer.control('{"type":"client","name":"x"}\n');
    expect(await peer.closed).toEqual({
      code: GoAwayCode.PROTOCOL_ERROR,
      reason: 'a second control stream',
    });
  });

  it('keeps its tunnel for unknown lines', async () => {
    const peer = await raw();
    const stream = peer.control(
      '{"type":"client","name":"x"}\n{"type":"from-the-future"}\n{"type":"list","request":7}\n',
    );
    while (!stream.text.includes('"listed"')) await new Promise((resolve) => setImmediate(resolve));
    expect(stream.text).toContain('"request":7');
  });

  /**
   * Such an agent's tunnel was closed while the registry was updating all agents. The registry removed the agent but
   * finished the update with a list that still contained it, so its intercepts waited for it forever.
   */
  it('loses its tunnel when it does not read, and is removed as an agent', async () => {
    const alice = client('alice');
    const peer = await raw();
    const agentLine = { type: 'agent', workload: 'orders', namespace: 'shop', kind: 'Deployment', pod: 'p' };
    const control = peer.control(`${JSON.stringify({ ...agentLine, ports: [{ port: 1, name: '' }] })}\n`);
    await alice.create(draft, { host: '127.0.0.1', port: 1 });
    control.stream.pause();
    let isOver = false;
    void peer.closed.then(() => (isOver = true));
    for (let i = 0; !isOver; i++) {
      const headers = Array.from({ length: 8 }, (_, n) => ({
        name: `x-${n}`,
        value: `${i}`.padEnd(1024, '-'),
      }));
      await alice.create({ ...draft, headers }, { host: '127.0.0.1', port: 1 });
    }
    expect(await peer.closed).toEqual({
      code: GoAwayCode.PROTOCOL_ERROR,
      reason: 'the peer does not read its control stream',
    });
    expect((await alice.list()).intercepts).toMatchObject([{ disposition: 'NO_AGENT' }]);
  }, 30_000);

  it('cannot open streams without being an agent', async () => {
    const peer = await raw();
    peer.control('{"type":"client","name":"x"}\n');
    const stream = new StreamProbe(peer.tunnel, streamTarget('id', 80));
    expect((await stream.reset).code).toBe(ResetCode.FORBIDDEN);
  });
});
