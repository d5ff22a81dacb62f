/** Against the double of a traffic manager, whose HTTP/2 is Node's and whose messages have a codec of their own. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import {
  behaviourOf,
  createTestCertificate,
  Deferred,
  LoopbackManager,
  type LoopbackOptions,
} from '@culvert/testkit';
import { ResetCode, type Stream, type StreamHandler, type StreamTarget } from '@culvert/tunnel';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { GrpcStatus } from './grpc-status.js';
import type { ShownIntercept } from './messages/types.js';
import {
  acceptReverseConnection,
  type ReverseTunnelConnection,
  type ReverseTunnelEnd,
} from './reverse-tunnel.js';
import type { ReverseCarrier, ReverseCarrierHandler } from './reverse-carrier.js';
import type { ReverseTunnelSettings } from './settings.js';

const VERSIONS = ['v2.0.3', 'v2.3.1', 'v2.3.2', 'v2.4.7', 'v2.4.8', 'v2.14.0'];

/** A SETTINGS frame without settings. */
const SETTINGS = '\0\0\0\u0004\0\0\0\0\0';

/** More PINGs than a manager may send in ten seconds without DATA before them. */
const PINGS = '\0\0\u0008\u0006\0\0\0\0\0PINGPING'.repeat(1100);

function chunkOf(content: string): Buffer {
  const bytes = Buffer.from(content, 'latin1');
  const { length } = bytes;
  const head = Buffer.from([0x0a, (length & 0x7f) | 0x80, ((length >>> 7) & 0x7f) | 0x80, length >>> 14]);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(head.length + bytes.length, 1);
  return Buffer.concat([prefix, head, bytes]);
}

/*
 * Bytes that a manager sent before the edge had looked up its credential were handled while the tunnel was being made,
 * before its owner could handle them: managers up to 2.3.1, which send first, never got a connection.
 */
it.each<[what: string, deliver: (handler: ReverseCarrierHandler) => void]>([
  ['settings', (handler) => handler.onData(chunkOf(SETTINGS))],
  ['an end', (handler) => handler.onEnd()],
  ['a loss', (handler) => handler.onClose('lost')],
])(
  'a reverse tunnel reports %s that came before the tunnel only once its owner has the tunnel',
  async (_what, deliver) => {
    const told = new Deferred<ReverseTunnelConnection | null>();
    let tunnel: ReverseTunnelConnection | null = null;
    const carrier = { start: deliver, write: () => true, pause() {}, resume() {}, end() {} };
    const tell = (): void => told.resolve(tunnel);
    tunnel = acceptReverseConnection(carrier, { onOpen: tell, onMeasured() {}, onClose: tell });
    expect(await told.promise).toBe(tunnel);
    tunnel.close(GrpcStatus.OK, 'the test is over');
  },
);

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

/** Collects what a stream does. */
class Probe implements StreamHandler {
  readonly chunks: Buffer[] = [];
  bytes = 0;
  isOpen = false;
  readonly ended = new Deferred();
  readonly reset = new Deferred<{ readonly code: ResetCode; readonly detail: string }>();
  private readonly waits: { readonly bytes: number; readonly done: Deferred }[] = [];
  private drain: Deferred | null = null;

  onOpen(): void {
    this.isOpen = true;
  }
  onData(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    for (const wait of this.waits) if (this.bytes >= wait.bytes) wait.done.resolve();
  }
  onEnd(): void {
    this.ended.resolve();
  }
  onReset(code: ResetCode, detail: string): void {
    this.reset.resolve({ code, detail });
  }
  onDrain(): void {
    this.drain?.resolve();
  }
  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }
  /** Resolves when this many bytes are here. */
  received(bytes: number): Promise<void> {
    const done = new Deferred();
    if (this.bytes >= bytes) done.resolve();
    else this.waits.push({ bytes, done });
    return done.promise;
  }
  /** Resolves at once if the last `write` returned true, otherwise when there is room. */
  async room(hasRoom: boolean): Promise<void> {
    if (hasRoom) return;
    this.drain = new Deferred();
    await this.drain.promise;
  }
}

interface Side {
  readonly manager: LoopbackManager;
  readonly tunnel: ReverseTunnelConnection;
  readonly closed: Promise<ReverseTunnelEnd>;
  readonly opened: Promise<void>;
  /** How often `onMeasured` was called, and the first time. */
  readonly measurements: () => number;
  readonly measured: Promise<void>;
}

function begin(options: LoopbackOptions = {}, settings: Partial<ReverseTunnelSettings> = {}): Side {
  const manager = new LoopbackManager(options);
  const opened = new Deferred();
  const closed = new Deferred<ReverseTunnelEnd>();
  const measured = new Deferred();
  let measurements = 0;
  const handler = {
    onOpen: () => opened.resolve(),
    onMeasured: () => {
      measurements += 1;
      measured.resolve();
    },
    onClose: (end: ReverseTunnelEnd) => closed.resolve(end),
  };
  const tunnel = acceptReverseConnection(manager, handler, settings);
  cleanUps.push(() => tunnel.close(GrpcStatus.OK, 'the test is over'));
  return {
    manager,
    tunnel,
    closed: closed.promise,
    opened: opened.promise,
    measurements: () => measurements,
    measured: measured.promise,
  };
}

async function open(
  options: LoopbackOptions = {},
  settings: Partial<ReverseTunnelSettings> = {},
): Promise<Side> {
  const side = begin(options, settings);
  await side.opened;
  return side;
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  cleanUps.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as { port: number }).port;
}

/** Starts an ingress that sends everything back. */
function echo(): Promise<number> {
  return listen(createServer((socket) => socket.pipe(socket)));
}

interface IngressOptions {
  readonly useTls?: boolean;
  readonly l5host?: string;
  readonly host?: string;
}

/** An intercept with a preview whose ingress is on this machine. */
function target(manager: LoopbackManager, port: number, options: IngressOptions = {}): StreamTarget {
  const { useTls = false, l5host = '', host = '127.0.0.1' } = options;
  const intercept = manager.table.add({ name: 'web' });
  intercept.previewDomain = 'quiet-heron.preview.test';
  intercept.previewSpec = { ingress: { host, port, useTls, l5host } };
  return {
    interceptId: intercept.id,
    host,
    port,
    tls: useTls,
    serverName: l5host,
    verifyTls: false,
  };
}

function openStream(tunnel: ReverseTunnelConnection, to: StreamTarget): { stream: Stream; probe: Probe } {
  const probe = new Probe();
  const stream = tunnel.openStream(to, probe);
  if (stream === null) throw new Error('no stream');
  return { stream, probe };
}

describe.each(VERSIONS)('with a manager %s', (version) => {
  it('carries bytes to the ingress and back', async () => {
    const { manager, tunnel } = await open({ version });
    const { stream, probe } = openStream(tunnel, target(manager, await echo()));
    stream.write(Buffer.from('hello '));
    stream.write(Buffer.from('ingress'));
    await probe.received(13);
    expect(probe.text).toBe('hello ingress');
    expect(probe.isOpen).toBe(true);
    expect(tunnel.streamCount).toBe(1);
    stream.reset(ResetCode.CANCEL);
    expect(tunnel.streamCount).toBe(0);
    expect(stream.isOpen).toBe(false);
  });

  /*
   * grpc-go in managers up to 2.3.1 measures its bandwidth with a PING for about every DATA frame that arrives. These
   * counted as a flood, which ended the tunnel at a hundred messages a second.
   */
  it('lasts while messages go back and forth as fast as they can', async () => {
    const { manager, tunnel } = await open({ version });
    const { stream, probe } = openStream(tunnel, target(manager, await echo()));
    for (let i = 1; i <= 500; i++) {
      stream.write(Buffer.from('x'));
      await probe.received(i);
    }
    expect(manager.server.pings > 100).toBe(behaviourOf(version).measuresInside);
    expect(tunnel.state).toBe('open');
  });

  /*
   * The round trip was read when the tunnel opened. Managers up to 2.3.1 speak first, so that a tunnel opens before they
   * have acknowledged our SETTINGS: their sessions had none. It was never measured again either.
   */
  it('reports its round trip once it is known, and measures it again without PINGs', async () => {
    const { manager, tunnel, measured, measurements } = await open({ version }, { measureIntervalMs: 2 });
    await measured;
    const values = new Set<number>();
    while (values.size < 6) {
      values.add(tunnel.roundTripMs);
      await new Promise(setImmediate);
    }
    expect(Math.min(...values)).toBeGreaterThan(0);
    expect(measurements()).toBe(1);
    expect(manager.server.receivedPings).toBe(0);
    expect(tunnel.state).toBe('open');
  });

  it('sends the preface as a Chunk of its own, and first', async () => {
    const { manager, measured } = await open({ version });
    // Managers that send first have sent their SETTINGS before anything arrived.
    await measured;
    expect(manager.chunkLengths[0]).toBe(24);
    expect(manager.chunkLengths[1]).toBeGreaterThanOrEqual(9);
  });

  it('frees the places of streams by canceling them, more often than a manager has places', async () => {
    const { manager, tunnel } = await open({ version });
    const to = target(manager, await echo());
    for (let i = 0; i < 300; i++) {
      const { stream, probe } = openStream(tunnel, to);
      stream.write(Buffer.from('x'));
      await probe.received(1);
      stream.end();
      stream.reset(ResetCode.CANCEL);
    }
    expect(manager.server.totalConnections).toBe(300);
  });

  it('ends a stream whose user has ended it and whose ingress is silent, since the manager passes no end on', async () => {
    const { manager, tunnel } = await open({ version }, { lingerMs: 50 });
    const { stream, probe } = openStream(tunnel, target(manager, await echo()));
    stream.write(Buffer.from('last'));
    await expect.poll(() => probe.text).toBe('last');
    stream.end();
    await probe.ended.promise;
    expect(tunnel.streamCount).toBe(0);
  });
});

it('a manager needs the preface split: a manager of 2.4.7 would never answer otherwise', async () => {
  const manager = new LoopbackManager({ version: 'v2.4.7' });
  let answered = false;
  manager.start({ onData: () => (answered = true), onDrain() {}, onEnd() {}, onClose() {} });
  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0', 'latin1');
  manager.write(
    Buffer.concat([Buffer.from([0, 0, 0, 0, preface.length + 2, 0x0a, preface.length]), preface]),
  );
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  expect(answered).toBe(false);
  manager.end(0, '');
});

describe('bytes of a reverse connection', () => {
  it('may be cut anywhere', async () => {
    const port = await echo();
    for (let first = 1; first < 60; first++) {
      let isFirst = true;
      const pieceBytes = (): number => {
        const bytes = isFirst ? first : 7;
        isFirst = !isFirst;
        return bytes;
      };
      const { manager, tunnel } = await open({ pieceBytes });
      const { stream, probe } = openStream(tunnel, target(manager, port));
      stream.write(Buffer.from('abcdefghijklmnopqrstuvwxyz'.repeat(20)));
      await probe.received(520);
      expect(probe.text).toBe('abcdefghijklmnopqrstuvwxyz'.repeat(20));
      tunnel.close(GrpcStatus.OK, '');
    }
  });

  it('may come one at a time, with empty Chunks between', async () => {
    const { manager, tunnel } = await open({ pieceBytes: () => 1, faults: { emptyChunks: true } });
    const { stream, probe } = openStream(tunnel, target(manager, await echo()));
    stream.write(Buffer.from('one at a time'));
    await probe.received(13);
    expect(probe.text).toBe('one at a time');
  });
});

describe('many streams', () => {
  it('carries 500 in turns, never more at once than the manager takes', async () => {
    const { manager, tunnel } = await open();
    const to = target(manager, await echo());
    expect(tunnel.maxStreams).toBe(240);
    const one = async (number: number): Promise<void> => {
      const { stream, probe } = openStream(tunnel, to);
      const text = `stream ${number} `.repeat(100);
      stream.write(Buffer.from(text));
      await probe.received(text.length);
      expect(probe.text).toBe(text);
      stream.reset(ResetCode.CANCEL);
    };
    const numbers = Array.from({ length: 500 }, (_, index) => index);
    await Promise.all(
      Array.from({ length: 240 }, async () => {
        for (let number = numbers.pop(); number !== undefined; number = numbers.pop()) await one(number);
      }),
    );
    expect(manager.server.totalConnections).toBe(500);
    expect(manager.server.peakConnections).toBeLessThanOrEqual(240);
  });

  it('opens none beyond the cap', async () => {
    const { manager, tunnel } = await open({ behaviour: { maxStreams: 20 } });
    const to = target(manager, await echo());
    const streams = Array.from({ length: tunnel.maxStreams }, () => openStream(tunnel, to).stream);
    expect(streams).toHaveLength(12);
    expect(tunnel.openStream(to, new Probe())).toBeNull();
    streams[0].reset(ResetCode.CANCEL);
    expect(tunnel.openStream(to, new Probe())).not.toBeNull();
  });

  it('does not let an unread stream hold up others, and holds at most its window', async () => {
    const source = await listen(
      createServer((socket) => {
        const block = Buffer.alloc(65_536);
        const more = (): void => {
          while (socket.writable && socket.write(block));
        };
        socket.on('drain', more);
        more();
      }),
    );
    const { manager, tunnel } = await open();
    const stalled = openStream(tunnel, target(manager, source));
    stalled.stream.pause();
    const { stream, probe } = openStream(tunnel, target(manager, await echo()));
    for (let i = 1; i <= 50; i++) {
      stream.write(Buffer.alloc(10_000, i));
      await probe.received(i * 10_000);
    }
    expect(stalled.probe.bytes).toBe(0);
    stalled.stream.handler = stalled.probe;
    stalled.stream.resume();
    stalled.stream.pause();
    // A window of 128 KiB, and nothing beyond it.
    expect(stalled.probe.bytes).toBeGreaterThan(65_536);
    expect(stalled.probe.bytes).toBeLessThanOrEqual(131_072);
  });
});

describe('a bulk transfer', () => {
  const BULK_BYTES = 256 * 1024 * 1024;

  it('moves many bytes from the ingress, in Chunks of up to 3 MiB', async () => {
    const block = Buffer.alloc(1024 * 1024, 0x5a);
    const port = await listen(
      createServer((socket) => {
        let left = BULK_BYTES;
        const more = (): void => {
          while (left > 0) {
            left -= block.length;
            if (!socket.write(block)) break;
          }
        };
        socket.on('drain', more);
        more();
      }),
    );
    const { manager, tunnel } = await open();
    const counter = new CountingHandler(BULK_BYTES);
    const stream = tunnel.openStream(target(manager, port), counter);
    await counter.done.promise;
    expect(counter.isIntact).toBe(true);
    stream?.reset(ResetCode.CANCEL);
  });

  it('moves many bytes to the ingress, and holds few on the way', async () => {
    const received = new Deferred();
    let bytes = 0;
    const port = await listen(
      createServer((socket) => {
        socket.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes === BULK_BYTES) received.resolve();
        });
      }),
    );
    const { manager, tunnel } = await open();
    const { stream, probe } = openStream(tunnel, target(manager, port));
    const block = Buffer.alloc(262_144);
    for (let sent = 0; sent < BULK_BYTES; sent += block.length) await probe.room(stream.write(block));
    await received.promise;
    expect(manager.peakBytes).toBeLessThan(1024 * 1024);
    expect(Math.max(...manager.chunkLengths)).toBeLessThan(3 * 1024 * 1024);
  });
});

class CountingHandler extends Probe {
  isIntact = true;
  readonly done = new Deferred();

  constructor(private readonly expected: number) {
    super();
  }

  override onData(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (chunk[0] !== 0x5a || chunk[chunk.length - 1] !== 0x5a) this.isIntact = false;
    if (this.bytes === this.expected) this.done.resolve();
  }
}

describe('an ingress', () => {
  it('is reached over TLS by the manager, with the layer-5 host as its name', async () => {
    const names: string[] = [];
    const server = createTlsServer(createTestCertificate(['shop.test']), (socket) => {
      names.push(String(socket.servername));
      socket.pipe(socket);
    });
    const { manager, tunnel } = await open();
    const port = await listen(server);
    const { stream, probe } = openStream(
      tunnel,
      target(manager, port, { useTls: true, l5host: 'shop.test' }),
    );
    stream.write(Buffer.from('secret'));
    await probe.received(6);
    expect(names).toEqual(['shop.test']);
  });

  it('that refuses is distinguished from one whose name is unknown, and from one without TLS', async () => {
    const { manager, tunnel } = await open();
    const closed = createServer();
    const port = await listen(closed);
    closed.close();
    const refused = openStream(tunnel, target(manager, port));
    expect(await refused.probe.reset.promise).toMatchObject({ code: ResetCode.INGRESS_REFUSED });
    const unknown = openStream(tunnel, target(manager, 80, { host: 'nowhere.invalid' }));
    expect(await unknown.probe.reset.promise).toMatchObject({
      code: ResetCode.INGRESS_DNS,
      detail: expect.stringContaining('nowhere.invalid') as string,
    });
    const plain = await listen(createServer((socket) => socket.end('not TLS')));
    const tls = openStream(tunnel, target(manager, plain, { useTls: true }));
    expect(await tls.probe.reset.promise).toMatchObject({ code: ResetCode.INGRESS_TLS });
    expect(tunnel.streamCount).toBe(0);
  });

  it('of an intercept that is gone has a code and a reason', async () => {
    const { manager, tunnel } = await open();
    const to = { ...target(manager, 1), interceptId: 'gone:web' };
    const { probe } = openStream(tunnel, to);
    const { code, detail } = await probe.reset.promise;
    expect(code).toBe(ResetCode.INGRESS_UNREACHABLE);
    expect(detail).toContain('no such intercept: gone:web');
  });

  it('that is never reached does not hold a stream that was reset', async () => {
    const { manager, tunnel } = await open({ faults: { ignoresConnections: true } });
    const { stream, probe } = openStream(tunnel, target(manager, 1));
    stream.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    await new Promise(setImmediate);
    expect(probe.bytes).toBe(0);
    stream.reset(ResetCode.CANCEL);
    expect(tunnel.streamCount).toBe(0);
    await tunnel.manager.removePreview('any:web');
    expect(manager.server.connections).toBe(0);
  });
});

it('a reverse tunnel counts the bytes of its connection both ways', async () => {
  const { manager, tunnel } = await open();
  const { stream, probe } = openStream(tunnel, target(manager, await echo()));
  const before = [tunnel.receivedBytes, tunnel.sentBytes];
  stream.write(Buffer.alloc(10_000));
  await probe.received(10_000);
  const [received, sent] = [tunnel.receivedBytes - before[0], tunnel.sentBytes - before[1]];
  for (const bytes of [received, sent]) {
    expect(bytes).toBeGreaterThanOrEqual(10_000);
    expect(bytes).toBeLessThan(11_000);
  }
});

describe('the end of a tunnel', () => {
  it('reaches every stream when the connection is lost', async () => {
    const { manager, tunnel, closed } = await open();
    const { probe } = openStream(tunnel, target(manager, await echo()));
    manager.die();
    expect(await probe.reset.promise).toMatchObject({ code: ResetCode.TUNNEL_LOST });
    expect(await closed).toMatchObject({ by: 'lost' });
    expect(tunnel.state).toBe('closed');
    expect(tunnel.openStream(target(manager, 1), new Probe())).toBeNull();
  });

  it('ends the call promptly when the manager half-closes it', async () => {
    const { manager, tunnel, closed } = await open();
    const { probe } = openStream(tunnel, target(manager, await echo()));
    manager.onServerClosed();
    expect(await manager.ended.promise).toMatchObject({ status: GrpcStatus.OK });
    expect(await probe.reset.promise).toMatchObject({ code: ResetCode.TUNNEL_LOST });
    expect(await closed).toMatchObject({ by: 'manager' });
  });

  it('lets streams finish after a GOAWAY, and then ends the call', async () => {
    const { manager, tunnel } = await open();
    const to = target(manager, await echo());
    const { stream, probe } = openStream(tunnel, to);
    stream.write(Buffer.from('a'));
    await probe.received(1);
    manager.server.goAway();
    while (tunnel.state === 'open') await new Promise(setImmediate);
    expect(tunnel.openStream(to, new Probe())).toBeNull();
    stream.write(Buffer.from('b'));
    await probe.received(2);
    stream.reset(ResetCode.CANCEL);
    await manager.ended.promise;
  });

  it('waits for streams when it is drained, with the status that it was given', async () => {
    const { manager, tunnel, closed } = await open();
    const { stream, probe } = openStream(tunnel, target(manager, await echo()));
    tunnel.drain(GrpcStatus.UNAVAILABLE, 'this edge stops');
    expect(tunnel.state).toBe('draining');
    stream.write(Buffer.from('late'));
    await probe.received(4);
    stream.reset(ResetCode.CANCEL);
    expect(await manager.ended.promise).toEqual({
      status: GrpcStatus.UNAVAILABLE,
      message: 'this edge stops',
    });
    expect(await closed).toMatchObject({ by: 'edge' });
  });

  it.each([
    ['bytes that are not messages', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['a message that is too long', Buffer.from([0, 0x7f, 0xff, 0xff, 0xff])],
    ['a compressed message', Buffer.from([1, 0, 0, 0, 2, 0x0a, 0])],
    ['a field that is longer than its message', Buffer.from([0, 0, 0, 0, 3, 0x0a, 9, 1])],
    ['a Chunk whose content is a number', Buffer.from([0, 0, 0, 0, 2, 0x08, 1])],
    ['a Chunk that is not HTTP/2', chunkOf('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['a frame before SETTINGS', chunkOf('\0\0\u0008\u0006\0\0\0\0\0PINGPING')],
    ['a frame that is too long', chunkOf('\u0011\0\0\0\0\0\0\0\u0001')],
    ['half a setting', chunkOf('\0\0\u0003\u0004\0\0\0\0\0abc')],
    ['DATA of a stream that was never opened', chunkOf(`${SETTINGS}\0\0\u0001\0\0\0\0\0\u0001x`)],
    ['a header block that is garbage', chunkOf(`${SETTINGS}\0\0\u0001\u0001\u0004\0\0\0\u0001\u0080`)],
    ['a push', chunkOf(`${SETTINGS}\0\0\u0004\u0005\u0004\0\0\0\u0001abcd`)],
    ['credit of nothing', chunkOf(`${SETTINGS}\0\0\u0004\u0008\0\0\0\0\0\0\0\0\0`)],
  ])('comes with %s, and the call is ended', async (_what, garbage) => {
    const { manager, closed } = begin({ faults: { isMute: true, garbage } });
    expect(await closed).toMatchObject({ by: 'fault' });
    expect(await manager.ended.promise).toMatchObject({ status: GrpcStatus.INTERNAL });
  });

  it('comes with a flood of PINGs', async () => {
    const { closed } = begin({ faults: { isMute: true, garbage: chunkOf(SETTINGS + PINGS) } });
    expect(await closed).toMatchObject({ by: 'fault' });
  });

  it('comes with a flood of PINGs on a tunnel that has carried a lot', async () => {
    const { manager, tunnel, closed } = await open();
    const { stream, probe } = openStream(tunnel, target(manager, await echo()));
    for (let i = 1; i <= 300; i++) {
      stream.write(Buffer.from('x'));
      await probe.received(i);
    }
    manager.sendRaw(chunkOf(PINGS));
    expect(await closed).toMatchObject({ by: 'fault' });
  });

  it('comes when the manager never speaks HTTP/2', async () => {
    const { closed, tunnel } = begin({ faults: { isMute: true } }, { handshakeTimeoutMs: 30 });
    expect(tunnel.state).toBe('handshake');
    expect(tunnel.openStream({ ...NO_TARGET }, new Probe())).toBeNull();
    expect(await closed).toMatchObject({ by: 'fault' });
  });
});

describe('calls to the manager', () => {
  it('show every intercept at once and after each change, without keys or environments', async () => {
    const { manager, tunnel } = await open();
    const snapshots: (readonly ShownIntercept[])[] = [];
    const arrivals: Deferred[] = [new Deferred(), new Deferred()];
    const cancel = tunnel.manager.watchIntercepts({
      onSnapshot: (intercepts) => {
        snapshots.push(intercepts);
        arrivals[snapshots.length - 1]?.resolve();
      },
      onEnd: () => undefined,
    });
    await arrivals[0].promise;
    expect(snapshots[0]).toEqual([]);
    const { interceptId } = target(manager, 8080);
    manager.table.changed();
    await arrivals[1].promise;
    const [info] = snapshots.at(-1)!;
    expect(info).toMatchObject({
      id: interceptId,
      disposition: 1,
      previewDomain: 'quiet-heron.preview.test',
      ingress: { host: '127.0.0.1', port: 8080 },
      metadata: new Map([['team', 'shop']]),
    });
    expect(inspect(snapshots, { depth: null })).not.toMatch(/secret|agent-key|environment|session/i);
    cancel();
    expect(manager.mistakes).toEqual([]);
  });

  it('report the end of the connection', async () => {
    const { manager, tunnel } = await open();
    const ended = new Deferred<unknown>();
    tunnel.manager.watchIntercepts({
      onSnapshot: () => manager.die(),
      onEnd: (failure) => ended.resolve(failure),
    });
    expect(await ended.promise).toMatchObject({ status: GrpcStatus.UNAVAILABLE });
    expect(await tunnel.manager.removePreview('a:b')).toMatchObject({ status: GrpcStatus.UNAVAILABLE });
  });

  it('remove a preview by the whole intercept id, with an empty session', async () => {
    const { manager, tunnel } = await open({ version: 'v2.5.8' });
    const { interceptId } = target(manager, 8080);
    expect(await tunnel.manager.removePreview(interceptId)).toBeNull();
    expect(manager.removedDomains).toEqual(['quiet-heron.preview.test']);
    expect(await tunnel.manager.removePreview('gone:web')).toMatchObject({
      status: GrpcStatus.NOT_FOUND,
      message: 'Intercept named "gone:web" not found',
    });
  });

  /*
   * The call made managers of 2.6.0 to 2.8.1 die of a nil pointer, and all of their clients lost their intercepts.
   */
  it.each(['v2.6.0', 'v2.6.8', 'v2.7.6', 'v2.8.1', 'v2.8.5', 'v2.14.0', 'v2.5.9', 'unknown', ''])(
    'do not remove a preview at a manager that is not known to survive it (%j)',
    async (version) => {
      const { manager, tunnel } = await open({ version: 'v2.6.8', behaviour: { version } });
      const { interceptId } = target(manager, 8080);
      expect(await tunnel.manager.removePreview(interceptId)).toMatchObject({
        status: GrpcStatus.FAILED_PRECONDITION,
      });
      expect(manager.mistakes).toEqual([]);
      expect(manager.removedDomains).toEqual([]);
      expect(tunnel.state).toBe('open');
    },
  );

  it('have reserved places even when streams use all of theirs', async () => {
    const { manager, tunnel } = await open({ version: 'v2.5.8', behaviour: { maxStreams: 12 } });
    const to = target(manager, await echo());
    for (let i = 0; i < tunnel.maxStreams; i++) openStream(tunnel, to);
    expect(await tunnel.manager.removePreview(to.interceptId)).toBeNull();
  });
});

const NO_TARGET: StreamTarget = {
  interceptId: 'a:b',
  host: 'x',
  port: 1,
  tls: false,
  serverName: '',
  verifyTls: false,
};

/** A call whose manager is written by hand, in frames. */
class HandmadeCall implements ReverseCarrier {
  readonly ends: { readonly status: GrpcStatus; readonly message: string }[] = [];
  readonly closes: ReverseTunnelEnd[] = [];
  readonly tunnel: ReverseTunnelConnection;
  isRead = true;
  private handler: ReverseCarrierHandler | null = null;

  private constructor() {
    this.tunnel = acceptReverseConnection(this, {
      onOpen() {},
      onMeasured() {},
      onClose: (end) => this.closes.push(end),
    });
    cleanUps.push(() => this.tunnel.close(GrpcStatus.OK, 'the test is over'));
  }

  /** Begins a call whose tunnel is open. */
  static async open(): Promise<HandmadeCall> {
    const call = new HandmadeCall();
    await turn();
    call.send(SETTINGS);
    return call;
  }

  /** Frames from the manager. */
  send(frames: string): void {
    this.handler?.onData(chunkOf(frames));
  }

  start(handler: ReverseCarrierHandler): void {
    this.handler = handler;
  }
  write(): boolean {
    return this.isRead;
  }
  pause(): void {}
  resume(): void {}
  end(status: GrpcStatus, message: string): void {
    this.ends.push({ status, message });
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** GOAWAY with ENHANCE_YOUR_CALM, of a manager that has processed no stream. */
const GOAWAY = '\0\0\u0008\u0007\0\0\0\0\0\0\0\0\0\0\0\0\u000b';
/** PUSH_PROMISE, which breaks a rule of the connection. */
const PUSH = '\0\0\u0004\u0005\u0004\0\0\0\u0001abcd';

/*
 * The output reports a manager that does not read while a stream is being opened. The tunnel ended within that call: the
 * stream was reset before its user had it, which threw, and neither the call nor the tunnel's owner learned of the end.
 */
it('a reverse tunnel ends after a stream is opened, not within, when the manager does not read', async () => {
  const call = await HandmadeCall.open();
  call.isRead = false;
  const resets: string[] = [];
  const kept = new Probe();
  kept.onReset = (_code, detail) => resets.push(detail);
  call.tunnel.openStream(NO_TARGET, kept);
  while (call.tunnel.state === 'open') {
    const streams: (Stream | null)[] = [];
    for (let i = 0; i < 100; i++) {
      let isReturned = false;
      const probe = new Probe();
      probe.onReset = () => resets.push(isReturned ? 'at its end' : 'within openStream');
      streams.push(call.tunnel.openStream(NO_TARGET, probe));
      isReturned = true;
    }
    for (const stream of streams) stream?.reset(ResetCode.CANCEL);
    await turn();
  }
  expect(resets).toEqual(['the traffic manager does not read']);
  expect(call.tunnel.streamCount).toBe(0);
  expect(call.ends).toMatchObject([{ status: GrpcStatus.INTERNAL }]);
  expect(call.closes).toEqual([{ by: 'fault', detail: 'the traffic manager does not read' }]);
});

/*
 * An exception of a stream's user interrupted the end of its tunnel: the call was not ended, and the owner kept the tunnel.
 */
it('a reverse tunnel ends the call and reports the fault when the user of a stream throws at the end', async () => {
  const call = await HandmadeCall.open();
  const broken = new Probe();
  broken.onReset = () => {
    throw new Error('no such exchange');
  };
  call.tunnel.openStream(NO_TARGET, broken);
  const { probe } = openStream(call.tunnel, NO_TARGET);
  call.tunnel.close(GrpcStatus.UNAVAILABLE, 'this edge stops');
  expect(await probe.reset.promise).toMatchObject({ detail: 'this edge stops' });
  expect(call.ends).toEqual([{ status: GrpcStatus.UNAVAILABLE, message: 'this edge stops' }]);
  expect(call.closes).toEqual([
    {
      by: 'edge',
      detail: expect.stringMatching(
        /^this edge stops; a fault in the edge: Error: no such exchange/,
      ) as string,
    },
  ]);
});

/*
 * Streams were reset before the tunnel knew that it ended. A user that repeated its request on the same tunnel made it
 * drain for a lack of stream ids: the end was reported as the edge's own, with status OK.
 */
describe('an end by the manager, whose streams are repeated at once', () => {
  it.each([
    [
      'GOAWAY',
      GOAWAY,
      { by: 'manager', detail: 'the traffic manager ended its HTTP/2 connection (error 11)' },
      GrpcStatus.OK,
    ],
    [
      'a violation',
      PUSH,
      {
        by: 'fault',
        detail: 'the traffic manager broke the rules of HTTP/2: PUSH_PROMISE although pushes are off',
      },
      GrpcStatus.INTERNAL,
    ],
  ])('keeps its reason and its status: %s', async (_what, frames, end, status) => {
    const call = await HandmadeCall.open();
    const repeated: unknown[] = [];
    const probe = new Probe();
    probe.onReset = (_code, detail) => {
      repeated.push(detail, call.tunnel.state === 'open', call.tunnel.openStream(NO_TARGET, new Probe()));
    };
    call.tunnel.openStream(NO_TARGET, probe);
    call.send(frames);
    expect(repeated).toEqual([end.detail, false, null]);
    expect(call.closes).toEqual([end]);
    expect(call.ends).toEqual([{ status, message: end.detail }]);
  });

  it('is reported as a violation also when the tunnel was draining', async () => {
    const call = await HandmadeCall.open();
    const { probe } = openStream(call.tunnel, NO_TARGET);
    call.tunnel.drain(GrpcStatus.UNAVAILABLE, 'this edge stops');
    call.send(PUSH);
    expect(await probe.reset.promise).toMatchObject({ code: ResetCode.TUNNEL_LOST });
    expect(call.closes).toMatchObject([{ by: 'fault' }]);
    expect(call.ends).toMatchObject([{ status: GrpcStatus.INTERNAL }]);
  });
});

it('a reverse tunnel drains once its stream ids are used up', async () => {
  const call = await HandmadeCall.open();
  const { connection } = call.tunnel as unknown as { readonly connection: { nextId: number } };
  connection.nextId = 2 ** 31 - 1;
  const { stream } = openStream(call.tunnel, NO_TARGET);
  expect(call.tunnel.openStream(NO_TARGET, new Probe())).toBeNull();
  expect(call.tunnel.state).toBe('draining');
  stream.reset(ResetCode.CANCEL);
  expect(call.closes).toEqual([{ by: 'edge', detail: 'out of stream ids' }]);
  expect(call.ends).toEqual([{ status: GrpcStatus.OK, message: 'out of stream ids' }]);
});

/*
 * DATA of canceled streams counted as frames without content. 313 downloads that visitors canceled ended the tunnel, and
 * with it all previews of the manager.
 */
it('a reverse tunnel survives any number of downloads that visitors cancel', async () => {
  const call = await HandmadeCall.open();
  const piece = 'x'.repeat(4096);
  for (let id = 1; id < 1000; id += 2) {
    const { stream } = openStream(call.tunnel, NO_TARGET);
    stream.reset(ResetCode.CANCEL);
    const frame = `\0\u0010\0\0\0\0\0${String.fromCharCode(id >>> 8, id & 0xff)}${piece}`;
    for (let i = 0; i < 32; i++) call.send(frame);
  }
  expect(call.closes).toEqual([]);
  expect(call.tunnel.state).toBe('open');
});
