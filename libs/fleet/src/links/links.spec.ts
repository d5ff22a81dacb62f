/** Links between edges, and the connections that must not become one. All on real connections. */
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { randomUUID } from 'node:crypto';
import dns from 'node:dns';
import net, { type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { createTestCertificate } from '@culvert/testkit';
import { dialTunnel, type StreamHandler } from '@culvert/tunnel';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FleetOptions } from '../fleet.js';
import type { Link } from './links.js';
import { type Edge, EdgeRig, MANAGER, SECRET, TARGET } from '../spec/edges.js';
import { parseAddress } from './link-address.js';
import { type LinkCredentials, LinkProof, linkTls } from './link-credentials.js';
import { LinkDialer } from './link-dialer.js';
import { SocketCarrier } from './socket-carrier.js';
import { isSocketIn, privateSocketDirectory, removeLeftOverSockets } from './socket-directory.js';

const IGNORE: StreamHandler = { onOpen() {}, onData() {}, onEnd() {}, onReset() {}, onDrain() {} };
const OTHER_SECRET = 'another secret of at least thirty-two characters';

let rig: EdgeRig;
const sockets: Socket[] = [];

beforeEach(() => {
  rig = new EdgeRig();
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await rig.stop();
});

const portOf = (edge: Edge): number => parseAddress(edge.fleet.self.address)!.port;
const secrets = (...all: string[]): LinkCredentials => ({ kind: 'secrets', secrets: all });
const refusals = (edge: Edge): string[] => edge.log.filter((line) => line.startsWith('link refused'));

/** Connects, and resolves with everything that arrives until the other end closes. */
async function untilClosed(socket: Socket): Promise<Buffer> {
  sockets.push(socket);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks);
}

function plain(edge: Edge): Socket {
  return net.connect(portOf(edge), '127.0.0.1');
}

/** Opens a stream at `from` through `to`; fails if no link comes up. */
async function useLink(from: Edge, to: Edge): Promise<void> {
  const trafficManagerId = randomUUID();
  const manager = await rig.connectManager(to, {}, trafficManagerId);
  await rig.open(from, IGNORE, { ...TARGET, trafficManagerId });
  await manager.arrival();
}

describe('edges that share a secret', () => {
  it('open a link when one needs the other', async () => {
    const [a, b] = [await rig.start(), await rig.start()];
    expect(a.fleet.figures.links).toBe(0);
    await useLink(a, b);
    expect([a.fleet.figures.links, b.fleet.figures.links]).toEqual([1, 1]);
  });

  it('say in plain words that their secrets differ, at both ends', async () => {
    // Fault: the log had OpenSSL's words, such as "sslv3 alert handshake failure".
    const a = await rig.start();
    const b = await rig.start({ credentials: secrets(OTHER_SECRET), name: 'eu-1:8080' });
    await rig.connectManager(b);
    expect(a.registry.openStream(MANAGER, TARGET, IGNORE)).toBe('absent');
    await expect.poll(() => a.fleet.figures.failures.secrets_differ).toBeGreaterThan(1);
    expect(b.fleet.figures.refusals.secrets_differ).toBeGreaterThan(1);
    const failed = a.log.filter((line) => line.startsWith('link failed'));
    expect(failed).toHaveLength(1);
    expect(failed[0]).toMatch(/"name":"eu-1:8080".*"failure":"secrets_differ"/);
    expect(refusals(b)).toHaveLength(1);
    expect(refusals(b)[0]).toContain('"cause":"secrets_differ","remoteAddress":"127.0.0.1"');
    await a.fleet.close();
    expect(a.log.filter((line) => line.startsWith('link failed'))).toHaveLength(2);
  });

  it('use another secret without a restart, and keep the links that are open', async () => {
    const watched = { a: manual(), b: manual() };
    const a = await rig.start({ watchCredentials: watched.a.watch });
    const b = await rig.start({ watchCredentials: watched.b.watch });
    await useLink(a, b);
    for (const both of [
      secrets(SECRET, OTHER_SECRET),
      secrets(OTHER_SECRET, SECRET),
      secrets(OTHER_SECRET),
    ]) {
      watched.a.change(both);
      watched.b.change(both);
    }
    await useLink(a, b);
    expect([a.fleet.figures.linkConnections, a.log.filter((line) => line.startsWith('link closed'))]).toEqual(
      [1, []],
    );
    await useLink(b, await rig.start({ credentials: secrets(OTHER_SECRET) }));
    const former = await rig.start();
    await rig.connectManager(b);
    expect(former.registry.openStream(MANAGER, TARGET, IGNORE)).toBe('absent');
    await expect.poll(() => former.fleet.figures.failures.secrets_differ).toBeGreaterThan(0);
    await a.fleet.close();
    expect(watched.a.isWatched()).toBe(false);
  });

  it('accept no session ticket from before the secret was replaced', async () => {
    // Fault: a resumed session needs no secret, and gets a new ticket, so the holder of a removed secret never lost access.
    const watched = manual();
    const edge = await rig.start({ watchCredentials: watched.watch });
    const { client } = linkTls(secrets(SECRET));
    const former = tls.connect({ ...client, port: portOf(edge), host: '127.0.0.1' });
    sockets.push(former);
    former.on('error', () => {});
    const [ticket] = (await once(former, 'session')) as [Buffer];
    const resume = async (): Promise<string> => {
      const { pskCallback: _secret, ...options } = client;
      const socket = tls.connect({ ...options, port: portOf(edge), host: '127.0.0.1', session: ticket });
      sockets.push(socket);
      return new Promise((resolve) => {
        socket.once('secureConnect', () => resolve(socket.isSessionReused() ? 'resumed' : 'accepted'));
        socket.once('error', () => resolve('refused'));
      });
    };
    expect(await resume()).toBe('resumed');
    watched.change(secrets(OTHER_SECRET));
    expect(await resume()).toBe('refused');
  });

  it('find each other while the secret is replaced', async () => {
    const old = await rig.start({ credentials: secrets(OTHER_SECRET, SECRET) });
    const next = await rig.start({ credentials: secrets(SECRET, OTHER_SECRET) });
    await useLink(old, next);
    await useLink(next, await rig.start({ credentials: secrets(SECRET) }));
    expect(next.fleet.figures.links).toBe(2);
  });

  it('speak TLS 1.3, in which nothing of the tunnel protocol can be read', async () => {
    const [a, b] = [await rig.start(), await rig.start()];
    const { proxy, sent } = await recordingProxy(portOf(b));
    Object.assign(b.fleet.self, { address: `127.0.0.1:${proxy}` });
    await useLink(a, b);
    const bytes = Buffer.concat(sent);
    expect(bytes.subarray(0, 3)).toEqual(Buffer.of(0x16, 3, 1));
    expect(bytes.includes('managerId')).toBe(false);
    expect(bytes.includes(SECRET)).toBe(false);
  });
});

/** Credentials that the spec replaces. */
function manual() {
  const all = new Set<(credentials: LinkCredentials) => void>();
  return {
    watch: (onChange: (credentials: LinkCredentials) => void) => {
      all.add(onChange);
      return () => void all.delete(onChange);
    },
    change: (credentials: LinkCredentials) => {
      for (const handle of all) handle(credentials);
    },
    isWatched: () => all.size > 0,
  };
}

describe('edges with certificates of one authority', () => {
  it('use another certificate and another authority without a restart', async () => {
    const [old, next] = [createTestCertificate(['old.internal']), createTestCertificate(['next.internal'])];
    const of = (own: typeof old, ...authorities: (typeof old)[]): LinkCredentials => ({
      kind: 'certificates',
      cert: own.cert,
      key: own.key,
      ca: authorities.map(({ cert }) => cert).join(''),
    });
    const watched = manual();
    const b = await rig.start({ credentials: of(old, old), watchCredentials: watched.watch });
    await useLink(await rig.start({ credentials: of(old, old) }), b);
    watched.change(of(next, old, next));
    await useLink(await rig.start({ credentials: of(old, old, next) }), b);
    watched.change(of(next, next));
    await useLink(await rig.start({ credentials: of(next, next) }), b);
    const former = await rig.start({ credentials: of(old, old, next) });
    await rig.connectManager(b);
    expect(former.registry.openStream(MANAGER, TARGET, IGNORE)).toBe('absent');
    await expect.poll(() => b.fleet.figures.refusals.no_proof).toBeGreaterThan(0);
  });

  it('open a link', async () => {
    const { cert, key } = createTestCertificate(['edge.internal']);
    const credentials: LinkCredentials = { kind: 'certificates', cert, key, ca: cert };
    const [a, b] = [await rig.start({ credentials }), await rig.start({ credentials })];
    await useLink(a, b);
    expect(b.fleet.figures.links).toBe(1);
  });

  it.each(['dials', 'accepts'] as const)(
    'open no link with an edge of another authority that %s',
    async (role) => {
      const [own, foreign] = [
        createTestCertificate(['edge.internal']),
        createTestCertificate(['edge.internal']),
      ];
      const of = ({ cert, key }: typeof own): LinkCredentials => ({
        kind: 'certificates',
        cert,
        key,
        ca: cert,
      });
      const [a, b] = [
        await rig.start({ credentials: of(own) }),
        await rig.start({ credentials: of(foreign) }),
      ];
      const [from, to] = role === 'dials' ? [b, a] : [a, b];
      await rig.connectManager(to);
      expect(from.registry.openStream(MANAGER, TARGET, IGNORE)).toBe('absent');
      await expect.poll(() => from.log.filter((line) => line.startsWith('link failed')).length).toBe(1);
      expect([a.fleet.figures.links, b.fleet.figures.links]).toEqual([0, 0]);
    },
  );

  it('refuse a visitor without a certificate', async () => {
    const { cert, key } = createTestCertificate(['edge.internal']);
    const edge = await rig.start({ credentials: { kind: 'certificates', cert, key, ca: cert } });
    const socket = tls.connect({ port: portOf(edge), host: '127.0.0.1', rejectUnauthorized: false });
    expect((await untilClosed(socket)).length).toBe(0);
    await expect.poll(() => refusals(edge).length).toBe(1);
  });
});

/** A relay that records the bytes that pass towards `port`. */
async function recordingProxy(port: number): Promise<{ proxy: number; sent: Buffer[] }> {
  const sent: Buffer[] = [];
  const server = net.createServer((socket) => {
    const onward = net.connect(port, '127.0.0.1');
    sockets.push(socket, onward);
    socket.on('data', (chunk: Buffer) => {
      sent.push(chunk);
      onward.write(chunk);
    });
    onward.pipe(socket);
    for (const one of [socket, onward]) one.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  rig.onStop(() => server.close());
  return { proxy: (server.address() as AddressInfo).port, sent };
}

describe('a connection that does not prove itself', () => {
  it.each<[string, (edge: Edge) => Socket]>([
    [
      'a visitor',
      (edge) => {
        const socket = plain(edge);
        socket.write('GET / HTTP/1.1\r\nHost: demo.preview.localhost\r\n\r\n');
        return socket;
      },
    ],
    [
      'a traffic manager with a valid API key',
      (edge) => {
        const socket = plain(edge);
        socket.write(
          'GET /tunnel/v1 HTTP/1.1\r\nHost: edge\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
            'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n' +
            'Authorization: Bearer test-key-0123456789abcdef\r\n\r\n',
        );
        return socket;
      },
    ],
    [
      'a client that sends HELLO without TLS',
      (edge) => {
        const socket = plain(edge);
        const hello = { managerId: 'x', clusterId: '', name: '', version: '', instanceId: 'x' };
        dialTunnel(new SocketCarrier(socket), hello, { peer: 'link', onClose() {} });
        return socket;
      },
    ],
    [
      'garbage',
      (edge) => {
        const socket = plain(edge);
        socket.write(Buffer.alloc(20_000, 0x5a));
        return socket;
      },
    ],
    [
      'TLS without the secret',
      (edge) => tls.connect({ port: portOf(edge), host: '127.0.0.1', rejectUnauthorized: false }),
    ],
    [
      'TLS 1.2 with the secret',
      (edge) => {
        const { pskCallback } = linkTls(secrets(SECRET)).client;
        return tls.connect({
          port: portOf(edge),
          host: '127.0.0.1',
          ...(pskCallback && { pskCallback }),
          maxVersion: 'TLSv1.2',
          ciphers: 'PSK',
          checkServerIdentity: () => undefined,
        });
      },
    ],
    [
      'a wrong secret',
      (edge) =>
        tls.connect({ port: portOf(edge), host: '127.0.0.1', ...linkTls(secrets(OTHER_SECRET)).client }),
    ],
    [
      'a wrong secret under the identity of the right one',
      (edge) => {
        const right = linkTls(secrets(SECRET)).client.pskCallback!(null)!;
        const wrong = linkTls(secrets(OTHER_SECRET)).client.pskCallback!(null)!;
        return tls.connect({
          port: portOf(edge),
          host: '127.0.0.1',
          ...linkTls(secrets(SECRET)).client,
          pskCallback: () => ({ identity: right.identity, psk: wrong.psk }),
        });
      },
    ],
    [
      'a certificate instead of the secret',
      (edge) => {
        const { cert, key } = createTestCertificate(['edge.internal']);
        return tls.connect({ port: portOf(edge), host: '127.0.0.1', cert, key, rejectUnauthorized: false });
      },
    ],
  ])('is refused and logged without what it sent: %s', async (_who, connect) => {
    const edge = await rig.start();
    const answer = await untilClosed(connect(edge));
    expect(answer.includes('sessionId')).toBe(false);
    await expect.poll(() => refusals(edge).length).toBe(1);
    expect(refusals(edge)[0]).toMatch(/did not prove itself \([A-Z0-9_]+\)|link refused/);
    expect(edge.log.join()).not.toMatch(/secret of|test-key|preview\.localhost/);
    expect(edge.fleet.figures.links).toBe(0);
  });

  it('is refused when it repeats what another edge sent before', async () => {
    const [a, b] = [await rig.start(), await rig.start()];
    const { proxy, sent } = await recordingProxy(portOf(b));
    Object.assign(b.fleet.self, { address: `127.0.0.1:${proxy}` });
    await useLink(a, b);
    const recorded = Buffer.concat(sent);
    const socket = plain(b);
    socket.write(recorded);
    await untilClosed(socket);
    await expect.poll(() => refusals(b).length).toBe(1);
    expect(b.fleet.figures.links).toBe(1);
  });

  it('is ended when it is too slow', async () => {
    const edge = await rig.start({ listenerLimits: { ...LIMITS, handshakeTimeoutMs: 100 } });
    const socket = plain(edge);
    socket.write(Buffer.of(0x16, 3, 1));
    await untilClosed(socket);
    await expect.poll(() => refusals(edge).join()).toContain('took too long');
  });

  it('is ended when it proves itself and then sends no HELLO', async () => {
    const edge = await rig.start({ listenerLimits: { ...LIMITS, handshakeTimeoutMs: 300 } });
    const socket = tls.connect({ port: portOf(edge), host: '127.0.0.1', ...linkTls(secrets(SECRET)).client });
    await once(socket, 'secureConnect');
    await untilClosed(socket);
    expect(edge.fleet.figures.links).toBe(0);
  });

  it('counts against the limits of all addresses and of each one, and releases its place', async () => {
    const edge = await rig.start({ listenerLimits: { ...LIMITS, maxPending: 8, maxPendingPerAddress: 5 } });
    const held: Socket[] = [];
    for (let i = 0; i < 5; i++) {
      const socket = plain(edge);
      sockets.push(socket);
      await once(socket, 'connect');
      held.push(socket);
    }
    await untilClosed(plain(edge));
    await expect.poll(() => refusals(edge).join()).toContain('too many connections are pending');
    for (const socket of held) socket.destroy();
    const other = await rig.start();
    await expect
      .poll(
        async () => {
          const socket = tls.connect({
            port: portOf(edge),
            host: '127.0.0.1',
            ...linkTls(secrets(SECRET)).client,
          });
          sockets.push(socket);
          socket.on('error', () => {});
          return Promise.race([
            once(socket, 'secureConnect').then(() => true),
            new Promise<boolean>((resolve) => socket.once('close', () => resolve(false))),
          ]).catch(() => false);
        },
        { timeout: 5000 },
      )
      .toBe(true);
    await useLink(other, edge);
  });

  it('is reported once per reason, however many there are', async () => {
    const edge = await rig.start();
    for (let i = 0; i < 10; i++) {
      const socket = plain(edge);
      socket.write('GET / HTTP/1.1\r\n\r\n');
      await untilClosed(socket);
    }
    expect(refusals(edge)).toHaveLength(1);
    await edge.fleet.close();
    expect(refusals(edge).at(-1)).toContain('"count":9');
  });
});

const LIMITS = { maxPending: 256, maxPendingPerAddress: 32, handshakeTimeoutMs: 5000 };

describe('an edge that dials', () => {
  it.each(['secrets', 'certificates'] as const)(
    'wants the proof by %s although certificates of other servers are not checked',
    async (kind) => {
      // Fault: NODE_TLS_REJECT_UNAUTHORIZED=0 applied to links too, which then accepted any end.
      const [own, foreign] = [createTestCertificate(['a.internal']), createTestCertificate(['b.internal'])];
      const impostor = tls.createServer({ ...foreign, minVersion: 'TLSv1.3' }).listen(0, '127.0.0.1');
      rig.onStop(() => impostor.close());
      await once(impostor, 'listening');
      const credentials: LinkCredentials =
        kind === 'secrets' ? secrets(SECRET) : { kind, cert: own.cert, key: own.key, ca: own.cert };
      const dialer = new LinkDialer({
        self: { machineId: '' },
        proof: new LinkProof(credentials),
        socketDirectory: null,
      });
      vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
      rig.onStop(() => vi.unstubAllEnvs());
      const { port } = impostor.address() as AddressInfo;
      const dialed = dialer.dial({ id: 'impostor', address: `127.0.0.1:${port}`, machineId: '' });
      await expect(dialed.then((socket) => sockets.push(socket))).rejects.toThrow();
    },
  );

  it.each(['a certificate', 'another secret'] as const)('accepts no server with %s', async (what) => {
    const edge = await rig.start();
    const { cert, key } = createTestCertificate(['127.0.0.1']);
    const server =
      what === 'a certificate'
        ? tls.createServer({ cert, key })
        : tls.createServer(linkTls(secrets(OTHER_SECRET)).server);
    let hasConnected = false;
    server.on('secureConnection', () => (hasConnected = true));
    server.on('tlsClientError', () => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    rig.onStop(() => server.close());
    const { port } = server.address() as AddressInfo;
    const impostor = rig.memory.join({ id: randomUUID(), address: `127.0.0.1:${port}`, machineId: '' });
    impostor.report(MANAGER, { tunnelCount: 1, streamCount: 0, roundTripMs: 0 });
    expect(edge.registry.openStream(MANAGER, TARGET, IGNORE)).toBe('absent');
    await expect.poll(() => edge.log.join()).toContain('link failed');
    expect([hasConnected && what === 'another secret', edge.fleet.figures.links]).toEqual([false, 0]);
  });

  it('gives up a link when another edge now has the address', async () => {
    const [a, b] = [await rig.start(), await rig.start()];
    const former = rig.memory.join({ id: randomUUID(), address: b.fleet.self.address, machineId: '' });
    former.report(MANAGER, { tunnelCount: 1, streamCount: 0, roundTripMs: 0 });
    expect(a.registry.openStream(MANAGER, TARGET, IGNORE)).toBe('absent');
    await expect.poll(() => a.log.join()).toContain('another edge answered');
    expect(a.fleet.figures.links).toBe(0);
  });

  it('tries again while a manager waits there, and wakes what waits', async () => {
    const [a, b] = [await rig.start(), await rig.start()];
    const real = b.fleet.self.address;
    const free = net.createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    Object.assign(b.fleet.self, { address: `127.0.0.1:${port}` });
    const manager = await rig.connectManager(b);
    const opened = rig.open(a, IGNORE);
    await expect.poll(() => a.log.join()).toContain('link failed');
    const late = net.createServer((socket) => {
      const onward = net.connect(parseAddress(real)!.port, '127.0.0.1');
      sockets.push(socket, onward);
      socket.pipe(onward).pipe(socket);
      for (const one of [socket, onward]) one.on('error', () => {});
    });
    late.listen(port, '127.0.0.1');
    rig.onStop(() => late.close());
    await opened;
    expect(await manager.arrival()).toBeDefined();
  });
});

describe('an edge whose link takes no new streams', () => {
  it('dials another, and wakes what waits', async () => {
    // Fault: the draining link was still listed, so that the one that replaced it counted as the second.
    const [a, b] = [await rig.start(), await rig.start()];
    const manager = await rig.connectManager(b);
    const { origin } = await rig.open(a, IGNORE);
    await manager.arrival();
    // Nothing but the new link wakes what waits.
    Object.assign(b.directory, { report() {} });
    (origin as { link: Link }).link.tunnel.goAway(8, 'out of stream ids', { graceMs: 60_000 });
    expect(a.registry.openStream(MANAGER, TARGET, IGNORE)).toBe('absent');
    await new Promise<void>((resolve) => a.registry.onArrival(MANAGER, resolve));
    expect(a.registry.openStream(MANAGER, TARGET, IGNORE)).toBeTypeOf('object');
  });
});

describe('edges of one machine', () => {
  let parent: string;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'links-'));
    rig.onStop(() => rmSync(parent, { recursive: true, force: true }));
  });
  const local = (): Partial<FleetOptions> => ({
    listen: { port: 0, host: '127.0.0.1', socketParent: parent },
  });

  it('use a Unix socket that only their user can open', async () => {
    const [a, b] = [await rig.start(local()), await rig.start(local())];
    const path = b.fleet.self.socketPath!;
    expect(existsSync(path)).toBe(true);
    await useLink(a, b);
    expect(b.log.join()).toContain('"remoteAddress":"local"');
  });

  it('use TLS when the socket is out of reach, as from another container', async () => {
    const [a, b] = [await rig.start(local()), await rig.start(local())];
    rmSync(b.fleet.self.socketPath!);
    await useLink(a, b);
    expect(b.log.join()).toContain('"remoteAddress":"127.0.0.1"');
  });

  it('do not report the edges that look for left-over sockets as refused links', async () => {
    // Fault: each start of a worker made every other one log "link refused", remoteAddress "local".
    const first = await rig.start(local());
    for (let i = 0; i < 3; i++) await rig.start(local());
    await useLink(await rig.start(local()), first);
    expect([refusals(first), first.fleet.figures.refusals.handshake]).toEqual([[], 0]);
  });

  it('use each other without credentials, and have no address for other machines', async () => {
    const [a, b] = [
      await rig.start({ ...local(), credentials: null }),
      await rig.start({ ...local(), credentials: null }),
    ];
    await useLink(a, b);
    expect(b.log.join()).toContain('"remoteAddress":"local"');
    expect(b.fleet.self.address).toBe('');
  });

  it('without credentials do not dial other machines, and are not dialed by them', async () => {
    // Fault: workers without EDGE_LINK_SECRET had a secret for each machine, and dialed those of other machines with it.
    const here = await rig.start({ ...local(), credentials: null });
    const there = await rig.start();
    const [onHere, onThere] = [randomUUID(), randomUUID()];
    await rig.connectManager(here, {}, onHere);
    await rig.connectManager(there, {}, onThere);
    expect(there.registry.openStream(onHere, { ...TARGET, trafficManagerId: onHere }, IGNORE)).toBe('absent');
    expect(here.registry.openStream(onThere, { ...TARGET, trafficManagerId: onThere }, IGNORE)).toBe(
      'absent',
    );
    // A link to a third edge takes longer than a refusal would.
    await useLink(await rig.start(), there);
    for (const { fleet, log } of [here, there]) {
      expect(Object.values(fleet.figures.failures).every((count) => count === 0)).toBe(true);
      expect(log.filter((line) => /^link (failed|refused)/.test(line))).toEqual([]);
    }
  });

  it('do not follow a record to a socket elsewhere', () => {
    const directory = privateSocketDirectory(parent)!;
    const elsewhere = mkdtempSync(join(tmpdir(), 'links-'));
    rig.onStop(() => rmSync(elsewhere, { recursive: true, force: true }));
    for (const path of [
      '/var/run/docker.sock',
      join(elsewhere, 'a.sock'),
      join(directory, '../a.sock'),
      directory,
    ])
      expect(isSocketIn(directory, path)).toBe(false);
  });

  it('use no directory that others can open, or a file in its place', () => {
    const directory = privateSocketDirectory(parent)!;
    chmodSync(directory, 0o755);
    expect(privateSocketDirectory(parent)).toBeNull();
    rmSync(directory, { recursive: true });
    writeFileSync(directory, '');
    expect(privateSocketDirectory(parent)).toBeNull();
    expect(readFileSync(directory, 'utf8')).toBe('');
  });

  it('may connect to an edge that is still starting', async () => {
    // Fault: the socket accepted before the links existed, for as long as the name of the host was looked up.
    const { lookup } = dns;
    const lookedUp = new Promise<() => void>((resolve) => {
      const hold = (...all: Parameters<typeof lookup>) => resolve(() => lookup(...all));
      vi.spyOn(dns, 'lookup').mockImplementationOnce(hold);
    });
    const starting = rig.start({ listen: { port: 0, host: 'localhost', socketParent: parent } });
    const goOn = await lookedUp;
    const directory = privateSocketDirectory(parent)!;
    const [name] = readdirSync(directory);
    await untilClosed(net.connect(join(directory, name)));
    goOn();
    const edge = await starting;
    const other = await rig.start(local());
    await useLink(other, edge);
    expect(edge.log.filter((line) => line.startsWith('fault'))).toEqual([]);
  });

  it('remove the sockets of edges that were killed, and no others', async () => {
    const edge = await rig.start(local());
    const directory = privateSocketDirectory(parent)!;
    const left = join(directory, 'left.sock');
    // A server whose process is killed leaves its socket; here another process is killed in the same way.
    const { spawn } = await import('node:child_process');
    const child = spawn(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(left)}, () => console.log('listening'))`,
    ]);
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'close');
    expect(existsSync(left)).toBe(true);
    await removeLeftOverSockets(directory);
    expect([existsSync(left), existsSync(edge.fleet.self.socketPath!)]).toEqual([false, true]);
  });
});

describe('the address of an edge', () => {
  it.each([
    ['10.0.0.1:9091', '10.0.0.1', 9091],
    ['edge-0.edges.default.svc:1', 'edge-0.edges.default.svc', 1],
    ['[fd00::1]:65535', 'fd00::1', 65_535],
  ])('is read from %s', (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port });
  });

  it.each([
    '',
    'host',
    'host:0',
    'host:65536',
    'host:',
    ':9091',
    'a b:1',
    '[fd00::1]',
    'fd00::1:80',
    'h:1:2',
  ])('is not read from %j', (text) => {
    expect(parseAddress(text)).toBeNull();
  });
});
