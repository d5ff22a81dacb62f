import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { ConnectProxy, createTestCertificate, Deferred, EdgeFleet } from '@culvert/testkit';
import { GoAwayCode, ResetCode } from '@culvert/tunnel';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StreamProbe, targetOf, TestEdge } from './spec/test-edge.js';
import { ConfigurationError, startTrafficManager } from './index.js';
import type { TrafficManager, TrafficManagerOptions } from './index.js';

const CHUNK = randomBytes(65_536);
const MIB = 1024 * 1024;

let edge: TestEdge;
let cleanUps: (() => Promise<unknown>)[];
let lines: Record<string, unknown>[];

beforeEach(async () => {
  edge = await TestEdge.start();
  cleanUps = [];
  lines = [];
});

afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
  await edge.stop();
});

function start(changes: Partial<TrafficManagerOptions> = {}): TrafficManager {
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const manager = startTrafficManager(
    {
      url: edge.url,
      apiKey: 'cvt_key',
      managerId: 'm1',
      drainMs: 200,
      connectTimeoutMs: 2000,
      allow: ['0.0.0.0/0', '::/0', '127.0.0.0/8', '::1'],
      ...changes,
    },
    log,
  );
  cleanUps.push(() => manager.stop());
  return manager;
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  cleanUps.push(async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) {
      server.close();
      await once(server, 'close');
    }
  });
  return (server.address() as AddressInfo).port;
}

/** Starts a server whose connections `serve` handles. */
function ingress(serve: (socket: Socket) => void): Promise<number> {
  return listen(
    createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      serve(socket);
    }),
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe('a stream joined to its ingress', () => {
  it('carries 64 MiB each way at once, unchanged', async () => {
    start();
    const { tunnel } = await edge.nextTunnel();
    const upload = createHash('sha256');
    const total = 64 * MIB;
    const port = await ingress((socket) => {
      socket.on('data', (chunk) => upload.update(chunk));
      let sent = 0;
      const pump = (): void => {
        while (sent < total) {
          sent += CHUNK.length;
          if (!socket.write(CHUNK)) return;
        }
        socket.end();
      };
      socket.on('drain', pump);
      pump();
    });
    const probe = new StreamProbe(tunnel, targetOf(port));
    const download = createHash('sha256');
    probe.onChunk = (chunk) => void download.update(chunk);
    const expected = createHash('sha256');
    for (let sent = 0; sent < total; sent += CHUNK.length) {
      expected.update(CHUNK);
      await probe.write(CHUNK);
    }
    probe.stream.end();
    await probe.ended;
    const digest = expected.digest('hex');
    expect(probe.receivedBytes).toBe(total);
    expect(download.digest('hex')).toBe(digest);
    expect(upload.digest('hex')).toBe(digest);
  });

  it('stops reading from the ingress while the stream is paused, and resumes later', async () => {
    start();
    const { tunnel } = await edge.nextTunnel();
    let written = 0;
    const stalled = new Deferred();
    const port = await ingress((socket) => {
      const pump = (): void => {
        while (written < 96 * MIB) {
          written += CHUNK.length;
          if (!socket.write(CHUNK)) break;
        }
        if (written >= 96 * MIB) socket.end();
      };
      socket.on('drain', pump);
      pump();
      // The buffers are full once there is no progress for a while.
      let before = -1;
      const watch = setInterval(() => {
        if (before === socket.bytesWritten) stalled.resolve();
        before = socket.bytesWritten;
      }, 100);
      socket.on('close', () => clearInterval(watch));
    });
    const probe = new StreamProbe(tunnel, targetOf(port));
    probe.stream.pause();
    await stalled.promise;
    expect(written).toBeLessThan(48 * MIB);
    expect(probe.receivedBytes).toBe(0);
    probe.onChunk = () => undefined;
    probe.stream.resume();
    await probe.ended;
    expect(probe.receivedBytes).toBe(96 * MIB);
  });

  it('passes on the half-close of the edge and still delivers the response', async () => {
    start();
    const { tunnel } = await edge.nextTunnel();
    const port = await ingress((socket) => {
      let request = '';
      socket.on('data', (chunk) => (request += chunk.toString()));
      socket.on('end', () => socket.end(`got ${request}`));
    });
    const probe = new StreamProbe(tunnel, targetOf(port));
    probe.stream.write(Buffer.from('question'));
    probe.stream.end();
    await probe.ended;
    expect(probe.text).toBe('got question');
    expect(tunnel.streamCount).toBe(0);
  });

  it('passes on the half-close of the ingress and still accepts bytes', async () => {
    start();
    const { tunnel } = await edge.nextTunnel();
    const rest = new Deferred<string>();
    const port = await ingress((socket) => {
      socket.end('early answer');
      let text = '';
      socket.on('data', (chunk) => (text += chunk.toString()));
      socket.on('end', () => rest.resolve(text));
    });
    const probe = new StreamProbe(tunnel, targetOf(port));
    await probe.ended;
    expect(probe.text).toBe('early answer');
    probe.stream.write(Buffer.from('the rest'));
    probe.stream.end();
    expect(await rest.promise).toBe('the rest');
    expect(probe.stream.isOpen).toBe(false);
  });

  it.each([
    ['with bytes that the ingress does not read', true],
    ['after its half-close', false],
  ])('closes the connection of a stream that the edge resets %s', async (_case, isStalled) => {
    start();
    const { tunnel } = await edge.nextTunnel();
    const connected = new Deferred<Socket>();
    const port = await ingress((socket) => connected.resolve(socket));
    const probe = new StreamProbe(tunnel, targetOf(port));
    const socket = await connected.promise;
    const closed = once(socket, 'close');
    if (isStalled) {
      for (let i = 0; i < 200; i++) probe.stream.write(CHUNK);
    } else {
      probe.stream.end();
      socket.resume();
      await once(socket, 'end');
    }
    probe.stream.reset(ResetCode.CANCEL);
    // The ingress notices when it reads or writes.
    socket.resume();
    socket.end('too late');
    await closed;
    expect(tunnel.streamCount).toBe(0);
  });

  it('leaves nothing behind after 1,000 streams that the edge aborted at random times', async () => {
    start();
    const { tunnel } = await edge.nextTunnel();
    let open = 0;
    const idle = new Deferred();
    const server = createServer((socket) => {
      open++;
      socket.on('error', () => undefined);
      socket.write(CHUNK);
      socket.resume();
      socket.on('close', () => --open === 0 && idle.resolve());
    });
    const port = await listen(server);
    for (let i = 0; i < 1000; i++) {
      const probe = new StreamProbe(tunnel, targetOf(port));
      probe.stream.write(Buffer.from('x'));
      if (i % 3 === 0) await probe.opened;
      if (i % 5 === 0) probe.stream.end();
      probe.stream.reset(ResetCode.CANCEL);
    }
    expect(tunnel.streamCount).toBe(0);
    const last = new StreamProbe(tunnel, targetOf(port));
    await last.opened;
    last.stream.reset(ResetCode.CANCEL);
    await idle.promise;
    expect(tunnel.state).toBe('open');
  });

  it('notifies the edge when the ingress resets an established connection', async () => {
    start();
    const { tunnel } = await edge.nextTunnel();
    const port = await ingress((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const probe = new StreamProbe(tunnel, targetOf(port));
    await probe.opened;
    probe.stream.write(Buffer.from('x'));
    expect(await probe.reset).toEqual({ code: ResetCode.INGRESS_RESET, detail: 'read ECONNRESET' });
  });
});

describe('an unreachable ingress', () => {
  async function failureOf(changes: Partial<TrafficManagerOptions>, target: Parameters<typeof targetOf>) {
    start(changes);
    const { tunnel } = await edge.nextTunnel();
    return new StreamProbe(tunnel, targetOf(...target)).reset;
  }

  it('is reported as refused, with its address', async () => {
    const port = await freePort();
    expect(await failureOf({}, [port])).toEqual({
      code: ResetCode.INGRESS_REFUSED,
      detail: `connect ECONNREFUSED 127.0.0.1:${port}`,
    });
  });

  it('is reported as unreachable when there is no route', async () => {
    // 255.255.255.255 is not a unicast address: the kernel refuses at once, with no packet sent.
    const { code } = await failureOf({}, [80, { host: '255.255.255.255' }]);
    expect(code).toBe(ResetCode.INGRESS_UNREACHABLE);
  });

  it('is reported when its name is unknown', async () => {
    // RFC 1035 §2.3.4: an empty label is not a name, so the resolver needs no query.
    const { code, detail } = await failureOf({}, [80, { host: 'no..host' }]);
    expect(code).toBe(ResetCode.INGRESS_DNS);
    expect(detail).toContain('no..host');
  });

  it('is reported when the TLS handshake times out', async () => {
    const port = await ingress(() => undefined);
    const failure = await failureOf({ connectTimeoutMs: 150 }, [port, { tls: true }]);
    expect(failure).toEqual({
      code: ResetCode.INGRESS_TIMEOUT,
      detail: `TLS handshake with 127.0.0.1:${port} timed out after 150 ms`,
    });
  });

  it('is reported when it does not speak TLS', async () => {
    const port = await ingress((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    );
    expect((await failureOf({}, [port, { tls: true }])).code).toBe(ResetCode.INGRESS_TLS);
  });

  it('is reported when it closes during the TLS handshake', async () => {
    const port = await ingress((socket) => socket.once('data', () => socket.destroy()));
    expect((await failureOf({}, [port, { tls: true }])).code).toBe(ResetCode.INGRESS_TLS);
  });
});

describe('a TLS ingress', () => {
  const certificate = createTestCertificate(['web.internal', '127.0.0.1']);

  async function tlsIngress(): Promise<{ port: number; serverNames: (string | false | null)[] }> {
    const serverNames: (string | false | null)[] = [];
    const server = createTlsServer(
      { ...certificate, allowHalfOpen: true, ALPNProtocols: ['h2', 'http/1.1'] },
      (socket) => {
        serverNames.push(socket.servername);
        let text = `${socket.alpnProtocol} `;
        socket.on('error', () => undefined);
        socket.on('data', (chunk) => (text += chunk.toString()));
        socket.on('end', () => socket.end(text));
      },
    );
    server.on('tlsClientError', () => undefined);
    return { port: await listen(server), serverNames };
  }

  it('is verified against the extra authority, gets its name by SNI, and speaks HTTP/1.1', async () => {
    const { port, serverNames } = await tlsIngress();
    start({ ingressCa: certificate.cert });
    const { tunnel } = await edge.nextTunnel();
    const probe = new StreamProbe(tunnel, targetOf(port, { tls: true, serverName: 'web.internal' }));
    probe.stream.write(Buffer.from('hello'));
    probe.stream.end();
    await probe.ended;
    expect(probe.text).toBe('http/1.1 hello');
    expect(serverNames).toEqual(['web.internal']);
  });

  it('is verified by address, without SNI, when its name is an address', async () => {
    const { port, serverNames } = await tlsIngress();
    start({ ingressCa: certificate.cert });
    const { tunnel } = await edge.nextTunnel();
    const probe = new StreamProbe(tunnel, targetOf(port, { tls: true }));
    await probe.opened;
    expect(serverNames).toEqual([false]);
  });

  // Node 20: `tls.connect` ignores `noDelay`. A second small write then waits for the ACK of the first, which the other end
  // delays by 40 ms: the writes take 0.8 s instead of a few milliseconds.
  it('receives small writes at once', async () => {
    const server = createTlsServer(certificate, (socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => chunk.includes('b') && socket.write('c'));
    });
    const port = await listen(server);
    start({ ingressCa: certificate.cert });
    const { tunnel } = await edge.nextTunnel();
    const probe = new StreamProbe(tunnel, targetOf(port, { tls: true }));
    await probe.opened;
    const started = performance.now();
    for (let round = 1; round <= 20; round++) {
      const answered = new Promise<void>((resolve) => (probe.onChunk = () => resolve()));
      probe.stream.write(Buffer.from('a'));
      await setImmediate();
      probe.stream.write(Buffer.from('b'));
      await answered;
    }
    expect(performance.now() - started).toBeLessThan(400);
  });

  it('speaks HTTP/2 when the target asks for it', async () => {
    const { port } = await tlsIngress();
    start({ ingressCa: certificate.cert });
    const { tunnel } = await edge.nextTunnel();
    const probe = new StreamProbe(
      tunnel,
      targetOf(port, { tls: true, serverName: 'web.internal', alpn: 'h2' }),
    );
    probe.stream.end();
    await probe.ended;
    expect(probe.text).toBe('h2 ');
  });

  it.each([
    ['speaks HTTP/1.1 only', { ALPNProtocols: ['http/1.1'] }],
    ['knows no ALPN', {}],
  ])('fails when it must speak HTTP/2 and %s', async (_case, options) => {
    let bytes = 0;
    const server = createTlsServer({ ...certificate, ...options }, (socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => (bytes += chunk.length));
    });
    server.on('tlsClientError', () => undefined);
    const port = await listen(server);
    start({ ingressCa: certificate.cert });
    const { tunnel } = await edge.nextTunnel();
    const probe = new StreamProbe(tunnel, targetOf(port, { tls: true, alpn: 'h2' }));
    probe.stream.write(Buffer.from('PRI * HTTP/2.0'));
    expect(await probe.reset).toEqual({
      code: ResetCode.INGRESS_TLS,
      detail: `127.0.0.1:${port} does not speak h2 over TLS (ALPN)`,
    });
    expect(bytes).toBe(0);
  });

  it.each([
    ['is not trusted', {}, { serverName: 'web.internal' }, /self-signed certificate/],
    ['has another name', { ingressCa: certificate.cert }, { serverName: 'other.internal' }, /altnames/],
  ])('fails when its certificate %s', async (_case, changes, target, detail) => {
    const { port } = await tlsIngress();
    start(changes);
    const { tunnel } = await edge.nextTunnel();
    const failure = await new StreamProbe(tunnel, targetOf(port, { tls: true, ...target })).reset;
    expect(failure.code).toBe(ResetCode.INGRESS_TLS);
    expect(failure.detail).toMatch(detail);
  });

  it('is not verified when the preview turns that off', async () => {
    const { port } = await tlsIngress();
    start();
    const { tunnel } = await edge.nextTunnel();
    const probe = new StreamProbe(
      tunnel,
      targetOf(port, { tls: true, serverName: 'other.internal', verifyTls: false }),
    );
    probe.stream.end();
    await probe.ended;
    expect(probe.text).toBe('http/1.1 ');
  });
});

describe('the allow list', () => {
  it.each([
    ['127.0.0.1', [], /^127\.0\.0\.1 is a loopback address: .* --allow 127\.0\.0\.1:80, and with rules/],
    ['localhost', [], /^localhost resolves to \S+, which is a loopback address: .* --allow \S+:80, and/],
    ['web.test', ['10.0.0.0/8:9'], /^web\.test:80 is not allowed .* --allow web\.test:80$/],
    ['2001:db8::1', ['10.0.0.0/8'], /^no address of 2001:db8::1 is allowed .* --allow \[2001:db8::1\]:80$/],
  ])('names the missing rule when %s is refused', async (host, allow, message) => {
    start({ allow });
    const { tunnel } = await edge.nextTunnel();
    expect((await new StreamProbe(tunnel, targetOf(80, { host })).reset).detail).toMatch(message);
  });

  it('blocks addresses of cloud metadata', async () => {
    start({ allow: [] });
    const { tunnel } = await edge.nextTunnel();
    for (const host of ['169.254.169.254', 'fd00:ec2::254', '64:ff9b::a9fe:a9fe', 'fe80::1%lo']) {
      const { code } = await new StreamProbe(tunnel, targetOf(80, { host })).reset;
      expect([host, code]).toEqual([host, ResetCode.FORBIDDEN]);
    }
  });

  it.each([
    ['an address outside of it', ['10.0.0.0/8'], '127.0.0.1'],
    ['a name that leads outside of it', ['10.0.0.0/8'], 'localhost'],
    ['a name that is not in it', ['*.svc.cluster.local'], 'localhost'],
    ['loopback without a rule', [], '127.0.0.1'],
    ['loopback by another notation', [], '::ffff:7f00:1'],
    ['loopback by a number', [], '2130706433'],
    ['what stands for this machine', [], '0.0.0.0'],
    ['a name that resolves to loopback', [], 'localhost'],
    ['loopback with rules for everything', ['0.0.0.0/0', '::/0'], 'localhost'],
  ])('forbids %s', async (_case, allow, host) => {
    const port = await ingress((socket) => socket.end('secret'));
    start({ allow });
    const { tunnel } = await edge.nextTunnel();
    const { code } = await new StreamProbe(tunnel, targetOf(port, { host })).reset;
    expect(code).toBe(ResetCode.FORBIDDEN);
  });

  it.each([
    ['an address in a range', ['127.0.0.0/8'], '127.0.0.1'],
    ['a name that leads into a range', ['127.0.0.0/8'], 'localhost'],
    ['a name', ['localhost'], 'LOCALHOST'],
  ])('allows %s', async (_case, allow, host) => {
    const port = await ingress((socket) => socket.end('fine'));
    start({ allow });
    const { tunnel } = await edge.nextTunnel();
    const probe = new StreamProbe(tunnel, targetOf(port, { host }));
    await probe.ended;
    expect(probe.text).toBe('fine');
  });
});

describe('the tunnel of a traffic manager', () => {
  it('sends its identity and the key', async () => {
    const manager = start({ name: 'staging', clusterId: 'c1' });
    const { hello } = await edge.nextTunnel();
    await manager.ready;
    expect(hello).toMatchObject({ managerId: 'm1', name: 'staging', clusterId: 'c1', version: '0.1.0' });
    expect(edge.credentials).toEqual(['Bearer cvt_key']);
  });

  it('uses the proxy of the environment', async () => {
    const proxy = await ConnectProxy.start();
    vi.stubEnv('HTTP_PROXY', proxy.url);
    try {
      start();
      const { tunnel } = await edge.nextTunnel();
      const port = await ingress((socket) => socket.end('through a proxy'));
      const probe = new StreamProbe(tunnel, targetOf(port));
      await probe.ended;
      expect(probe.text).toBe('through a proxy');
      expect(proxy.asked).toEqual([new URL(edge.url).host]);
    } finally {
      vi.unstubAllEnvs();
      await proxy.stop();
    }
  });

  it('is dialed again after a loss, by the same instance', async () => {
    start();
    const first = await edge.nextTunnel();
    first.tunnel.close(GoAwayCode.INTERNAL, 'a fault');
    const second = await edge.nextTunnel();
    expect(second.hello.instanceId).toBe(first.hello.instanceId);
  });

  it('is dialed again when the edge comes back', async () => {
    start();
    await edge.nextTunnel();
    const { port } = edge;
    await edge.stop();
    edge = await TestEdge.start(port);
    expect((await edge.nextTunnel()).hello.managerId).toBe('m1');
  });

  it('is replaced before it ends when the edge shuts down, and finishes its streams', async () => {
    start();
    const first = await edge.nextTunnel();
    const answer = new Deferred();
    const port = await ingress((socket) => void answer.promise.then(() => socket.end('late answer')));
    const probe = new StreamProbe(first.tunnel, targetOf(port));
    await probe.opened;
    first.tunnel.goAway(GoAwayCode.SHUTTING_DOWN, 'leaving', { graceMs: 10_000 });
    const second = await edge.nextTunnel();
    expect(first.tunnel.state).toBe('draining');
    expect(second.tunnel.state).toBe('open');
    answer.resolve();
    await probe.ended;
    probe.stream.end();
    expect((await first.closed).code).toBe(GoAwayCode.SHUTTING_DOWN);
    expect(probe.text).toBe('late answer');
  });

  it.each([401, 403])('is dialed slowly after status %i, and the reason is logged', async (status) => {
    edge.refuseWith = status;
    const refused = edge.somethingHappens();
    start();
    await refused;
    await until(() => lines.some(({ msg }) => String(msg).includes('API key')));
    await until(() => lines.some(({ msg }) => msg === 'dialing again'));
    const { delayMs } = lines.find(({ msg }) => msg === 'dialing again')!;
    expect(delayMs).toBeGreaterThanOrEqual(30_000);
  });

  it('is dialed slowly when another process took over', async () => {
    start();
    const { tunnel } = await edge.nextTunnel();
    tunnel.goAway(GoAwayCode.SUPERSEDED, 'a newer one', { graceMs: 0 });
    await until(() => lines.some(({ msg }) => msg === 'dialing again'));
    expect(lines.find(({ msg }) => msg === 'dialing again')!['delayMs']).toBeGreaterThanOrEqual(30_000);
  });

  it('is dialed slowly, and the reason is logged, when the team has reached its limit of sessions', async () => {
    const reason = 'the team has reached its limit of 2 sessions';
    edge.answer = { refuse: { code: GoAwayCode.LIMIT, reason } };
    start();
    await until(() => lines.some(({ msg }) => msg === 'dialing again'));
    expect(lines.find(({ msg }) => msg === 'disconnected')).toMatchObject({
      level: 40,
      code: 'LIMIT',
      reason,
    });
    expect(lines.find(({ msg }) => msg === 'dialing again')!['delayMs']).toBeGreaterThanOrEqual(30_000);
  });

  it('is dialed slowly when its key was revoked', async () => {
    start();
    (await edge.nextTunnel()).tunnel.close(GoAwayCode.KEY_REVOKED, 'revoked');
    await until(() => lines.some(({ msg }) => msg === 'dialing again'));
    expect(lines.find(({ msg }) => msg === 'dialing again')!['delayMs']).toBeGreaterThanOrEqual(30_000);
  });

  it('is dialed again soon when its key was revoked but replaced', async () => {
    let key = 'cvt_old';
    start({ apiKey: () => Promise.resolve(key) });
    const { tunnel } = await edge.nextTunnel();
    key = 'cvt_new';
    tunnel.close(GoAwayCode.KEY_REVOKED, 'expired');
    await edge.nextTunnel();
    expect(edge.credentials).toEqual(['Bearer cvt_old', 'Bearer cvt_new']);
  });

  it('is given up when there is no common protocol version', async () => {
    edge.answer = { refuse: { code: GoAwayCode.UNSUPPORTED_VERSION, reason: 'too old' } };
    const manager = start();
    expect(await manager.ended).toBe('UNSUPPORTED_VERSION: too old');
    await expect(manager.ready).rejects.toThrow('UNSUPPORTED_VERSION');
  });
});

describe('the tunnels of a traffic manager', () => {
  async function fleetOf(...edges: string[]): Promise<EdgeFleet> {
    const fleet = await EdgeFleet.start(...edges);
    cleanUps.push(() => fleet.stop());
    return fleet;
  }

  it('lead to two edges by default, are logged with their edge, and serve the same ingresses', async () => {
    const fleet = await fleetOf('edge-1', 'edge-2');
    start({ url: fleet.url });
    const tunnels = await fleet.settled('edge-1', 'edge-2');
    const port = await ingress((socket) => socket.end('served'));
    for (const { tunnel } of tunnels) {
      const probe = new StreamProbe(tunnel, targetOf(port));
      await probe.ended;
      expect(probe.text).toBe('served');
    }
    const connected = () => lines.filter(({ msg }) => msg === 'connected');
    await until(() => connected().length === 2);
    expect(connected()).toMatchObject([
      { edgeId: 'edge-1', tunnels: 1 },
      { edgeId: 'edge-2', tunnels: 2 },
    ]);
  });

  it('are as many as the setting says', async () => {
    const fleet = await fleetOf('edge-1', 'edge-2', 'edge-3');
    start({ url: fleet.url, tunnels: 3 });
    const tunnels = await fleet.settled('edge-1', 'edge-2', 'edge-3');
    expect(new Set(tunnels.map(({ hello }) => hello.instanceId)).size).toBe(1);
  });

  it('keep the manager ready while one of them is open', async () => {
    const fleet = await fleetOf('edge-1', 'edge-2');
    const adminPort = await freePort();
    start({ url: fleet.url, adminPort });
    await fleet.settled('edge-1', 'edge-2');
    fleet.kill('edge-1');
    await until(() => lines.some(({ msg }) => msg === 'disconnected'));
    expect(lines.find(({ msg }) => msg === 'disconnected')).toMatchObject({ edgeId: 'edge-1', tunnels: 1 });
    expect((await fetch(`http://127.0.0.1:${adminPort}/readyz`)).status).toBe(200);
  });

  it('do not log the usual refusal of a second tunnel to the only edge as a fault', async () => {
    const fleet = await fleetOf('edge-1');
    start({ url: fleet.url });
    await until(() => lines.some(({ code }) => code === 'ALREADY_CONNECTED'));
    expect(lines.filter(({ level }) => Number(level) >= 40)).toEqual([]);
    expect(lines.find(({ code }) => code === 'ALREADY_CONNECTED')).toMatchObject({ level: 20 });
  });
});

describe('TrafficManager.stop', () => {
  it('lets open streams finish', async () => {
    const manager = start({ drainMs: 10_000 });
    const { tunnel, closed } = await edge.nextTunnel();
    const answer = new Deferred();
    const port = await ingress((socket) => void answer.promise.then(() => socket.end('late answer')));
    const probe = new StreamProbe(tunnel, targetOf(port));
    await probe.opened;
    const stopped = manager.stop();
    await until(() => tunnel.state === 'draining');
    expect(tunnel.openStream(targetOf(port), probe)).toBeNull();
    answer.resolve();
    await probe.ended;
    probe.stream.end();
    await stopped;
    expect(probe.text).toBe('late answer');
    expect((await closed).code).toBe(GoAwayCode.NORMAL);
    expect(await manager.ended).toBeNull();
  });

  it('ends streams that do not finish in time', async () => {
    const manager = start({ drainMs: 50 });
    const { tunnel } = await edge.nextTunnel();
    const port = await ingress(() => undefined);
    const probe = new StreamProbe(tunnel, targetOf(port));
    await probe.opened;
    await manager.stop();
    expect((await probe.reset).code).toBe(ResetCode.TUNNEL_LOST);
  });

  it('ends a pending attempt', async () => {
    // Accepts connections and never answers the upgrade.
    const port = await ingress(() => undefined);
    const manager = start({ url: `http://127.0.0.1:${port}`, connectTimeoutMs: 60_000 });
    await manager.stop();
    await expect(manager.ready).rejects.toThrow('stopped');
  });

  it('may be called twice', async () => {
    const manager = start();
    await manager.ready;
    await Promise.all([manager.stop(), manager.stop()]);
    expect(await manager.ended).toBeNull();
  });
});

describe('health of a traffic manager', () => {
  it('is ready while a tunnel is open', async () => {
    const adminPort = await freePort();
    edge.refuseWith = 503;
    start({ adminPort });
    await edge.somethingHappens();
    const status = async (path: string): Promise<number> =>
      (await fetch(`http://127.0.0.1:${adminPort}${path}`)).status;
    expect(await status('/healthz')).toBe(200);
    expect(await status('/readyz')).toBe(503);
    expect(await status('/metrics')).toBe(200);
    edge.refuseWith = null;
    await edge.nextTunnel();
    await until(() => lines.some(({ msg }) => msg === 'connected'));
    expect(await status('/readyz')).toBe(200);
  });

  it('ends the manager when its port is taken', async () => {
    const adminPort = await ingress(() => undefined);
    const blocker = connect(adminPort, '127.0.0.1');
    await once(blocker, 'connect');
    blocker.destroy();
    const manager = start({ adminPort });
    expect(await manager.ended).toMatch(/CULVERT_ADMIN_PORT.*in use/);
  });

  it('ends the manager when the port of its meeting point is taken', async () => {
    const clusterPort = await ingress(() => undefined);
    expect(await start({ clusterPort }).ended).toMatch(/CULVERT_CLUSTER_PORT.*in use/);
  });
});

describe('options of a traffic manager', () => {
  it.each([
    ['CULVERT_URL', { url: 'ftp://edge' }],
    ['CULVERT_URL', { url: 'nonsense' }],
    ['CULVERT_URL', { url: '' }],
    ['CULVERT_URL', { url: 'https://user:secret@edge' }],
    ['CULVERT_MANAGER_ID', { managerId: '' }],
    ['CULVERT_MANAGER_NAME', { name: 'a\nb' }],
    ['CULVERT_CLUSTER_ID', { clusterId: 'x'.repeat(129) }],
    ['CULVERT_TUNNELS', { tunnels: 9 }],
    ['CULVERT_TUNNELS', { tunnels: 1.5 }],
    ['CULVERT_ALLOW', { allow: ['10.0.0.0/33'] }],
  ])('are refused with a wrong %s: %o', (variable, changes) => {
    expect(() => start(changes)).toThrow(ConfigurationError);
    expect(() => start(changes)).toThrow(variable);
  });
});

/** Resolves when `condition` holds; otherwise the test reaches its time limit. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
