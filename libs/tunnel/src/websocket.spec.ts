import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { FrameType, GoAwayCode, toCloseStatus } from './frame.js';
import { plainEncode } from './spec/plain-codec.js';
import { SeededRandom, TunnelRecorder } from '@culvert/testkit';
import { HELLO, TARGET } from './spec/raw-peer.js';
import type { TunnelSettings } from './settings.js';
import type { IncomingStream } from './stream.js';
import { acceptTunnel, dialTunnel } from './tunnel.js';
import type { TunnelConnection } from './connection.js';
import { ResetCode } from './types.js';
import type { Stream, StreamHandler } from './types.js';
import { WEBSOCKET_OPTIONS, WebSocketCarrier } from './websocket-carrier.js';
import { dialWebSocket, TUNNEL_PATH } from './websocket-dial.js';

const cleanUps: (() => void | Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

interface Acceptor {
  readonly url: URL;
  readonly recorder: TunnelRecorder;
  /** The first tunnel; set once a WebSocket arrived. */
  tunnel: TunnelConnection | null;
  readonly sockets: WebSocket[];
  readonly headers: NodeJS.Dict<string | string[]>[];
  readonly paths: (string | undefined)[];
}

/** A WebSocket server whose connections become tunnels. */
async function startAcceptor(settings: Partial<TunnelSettings> = {}): Promise<Acceptor> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...WEBSOCKET_OPTIONS });
  await once(server, 'listening');
  const recorder = new TunnelRecorder();
  const { port } = server.address() as AddressInfo;
  const acceptor: Acceptor = {
    url: new URL(`http://127.0.0.1:${port}`),
    recorder,
    tunnel: null,
    sockets: [],
    headers: [],
    paths: [],
  };
  server.on('connection', (socket, request) => {
    acceptor.sockets.push(socket);
    acceptor.headers.push(request.headers);
    acceptor.paths.push(request.url);
    acceptor.tunnel = acceptTunnel(new WebSocketCarrier(socket), {
      settings,
      onHello: () => Promise.resolve({ accept: { sessionId: 's', resumed: false } }),
      onOpen: (welcome) => recorder.onOpen(welcome),
      onStream: (stream, target) => recorder.onStream(stream, target),
      onGoAway: (code, reason) => recorder.onGoAway(code, reason),
      onClose: (code, reason, wasError) => recorder.onClose(code, reason, wasError),
      onFault: (error) => recorder.onFault(error),
    });
  });
  cleanUps.push(() => {
    for (const client of server.clients) client.terminate();
    server.close();
    return once(server, 'close');
  });
  return acceptor;
}

async function dial(acceptor: Acceptor): Promise<{ tunnel: TunnelConnection; recorder: TunnelRecorder }> {
  const result = await dialWebSocket({ url: acceptor.url, apiKey: 'cvt_key', timeoutMs: 2000 });
  if (!result.ok) throw new Error(result.reason);
  const recorder = new TunnelRecorder();
  const tunnel = dialTunnel(result.carrier, HELLO, {
    onOpen: (welcome) => recorder.onOpen(welcome),
    onStream: (stream, target) => recorder.onStream(stream, target),
    onGoAway: (code, reason) => recorder.onGoAway(code, reason),
    onClose: (code, reason, wasError) => recorder.onClose(code, reason, wasError),
    onFault: (error) => recorder.onFault(error),
  });
  await recorder.until('open');
  return { tunnel, recorder };
}

/** Opens a plain WebSocket client of an acceptor, open. */
async function connectPlain(acceptor: Acceptor, options: object = {}): Promise<WebSocket> {
  const socket = new WebSocket(`ws://${acceptor.url.host}${TUNNEL_PATH}`, {
    perMessageDeflate: false,
    ...options,
  });
  await once(socket, 'open');
  cleanUps.push(() => socket.terminate());
  return socket;
}

const HELLO_FRAME = plainEncode({
  type: FrameType.HELLO,
  id: 0,
  payload: Buffer.from(JSON.stringify(HELLO)),
});

describe('a tunnel over a WebSocket', () => {
  it('presents the key at the path of the protocol and offers no compression', async () => {
    const acceptor = await startAcceptor();
    const { tunnel } = await dial(acceptor);
    expect(acceptor.paths).toEqual([TUNNEL_PATH]);
    expect(acceptor.headers[0]['authorization']).toBe('Bearer cvt_key');
    expect(acceptor.headers[0]['sec-websocket-extensions']).toBeUndefined();
    tunnel.close(GoAwayCode.NORMAL, '');
  });

  it('keeps every byte of many streams at random', { timeout: 30_000 }, async () => {
    const acceptor = await startAcceptor({ windowBytes: 16_384, maxStreams: 200 });
    const { tunnel, recorder } = await dial(acceptor);
    await acceptor.recorder.until('open');
    const random = new SeededRandom(6);
    const echoes: Echo[] = [];
    tunnelStreams(recorder, (stream) => echoes.push(new Echo(stream, random)));
    const done: Promise<string>[] = [];
    for (let i = 0; i < 150; i++) {
      const bytes = random.next() < 0.1 ? random.integer(1, 2_000_000) : random.integer(0, 60_000);
      done.push(new Talker(acceptor.tunnel!, random, bytes).outcome);
      if (random.next() < 0.3) await new Promise((resolve) => setImmediate(resolve));
    }
    const outcomes = await Promise.all(done);
    expect(new Set(outcomes)).toEqual(new Set(['equal', 'cancelled']));
    expect(outcomes.filter((outcome) => outcome === 'equal').length).toBeGreaterThan(100);
    expect(acceptor.tunnel!.streamCount).toBe(0);
    expect(acceptor.recorder.faults).toEqual([]);
    expect(recorder.faults).toEqual([]);
    tunnel.close(GoAwayCode.NORMAL, 'done');
    expect(await acceptor.recorder.until('close')).toBe('close NORMAL: done false');
  });

  it('masks with the zero key', async () => {
    const bytes: Buffer[] = [];
    const server = createServer((socket) => {
      socket.once('data', (request) => {
        const key = /sec-websocket-key: (.*)\r\n/i.exec(request.toString())![1];
        const accept = createHash('sha1')
          .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
          .digest('base64');
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
        );
        socket.on('data', (chunk) => {
          bytes.push(chunk);
          socket.emit('frame');
        });
        server.emit('upgraded', socket);
      });
      socket.on('error', () => undefined);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const upgraded = once(server, 'upgraded') as Promise<[Socket]>;
    const { port } = server.address() as AddressInfo;
    const result = await dialWebSocket({
      url: new URL(`http://127.0.0.1:${port}`),
      apiKey: 'k',
      timeoutMs: 2000,
    });
    const [socket] = await upgraded;
    const arrived = once(socket, 'frame');
    if (!result.ok) throw new Error(result.reason);
    const tunnel = dialTunnel(result.carrier, HELLO, { onClose: () => undefined });
    await arrived;
    const [frame] = bytes;
    // FIN and binary; masked, a length below 126; the key; then HELLO as it is.
    expect(frame[0]).toBe(0x82);
    expect(frame[1] & 0x80).toBe(0x80);
    expect(frame.subarray(2, 6).toString('hex')).toBe('00000000');
    expect(frame[6]).toBe(FrameType.HELLO);
    tunnel.close(GoAwayCode.NORMAL, '');
    socket.destroy();
    server.close();
    await once(server, 'close');
  });

  it('accepts a dialer that masks with a random key and cuts frames anywhere', async () => {
    const acceptor = await startAcceptor();
    const socket = await connectPlain(acceptor);
    for (const byte of HELLO_FRAME) socket.send(Buffer.from([byte]));
    socket.send(Buffer.alloc(0));
    await acceptor.recorder.until('open');
    expect(acceptor.tunnel!.state).toBe('open');
  });

  it.each<[string, (socket: WebSocket) => void, number, string]>([
    [
      'a text message',
      (socket) => socket.send('hello'),
      toCloseStatus(GoAwayCode.PROTOCOL_ERROR),
      'close PROTOCOL_ERROR',
    ],
    [
      'a message above 1 MiB',
      (socket) => socket.send(Buffer.alloc(1_048_577)),
      1009,
      'close FRAME_TOO_LARGE',
    ],
    [
      'a broken WebSocket frame',
      (socket) => rawSocket(socket).write(Buffer.from('f280', 'hex')),
      1002,
      'close PROTOCOL_ERROR',
    ],
    [
      'a frame before HELLO',
      (socket) => socket.send(plainEncode({ type: 0x13, id: 1, payload: Buffer.alloc(0) })),
      4001,
      'close PROTOCOL_ERROR',
    ],
  ])('ends at %s, with a status', async (_case, violate, status, event) => {
    const acceptor = await startAcceptor();
    const socket = await connectPlain(acceptor);
    const closed = once(socket, 'close');
    violate(socket);
    expect((await closed)[0]).toBe(status);
    expect(await acceptor.recorder.until('close')).toMatch(event);
  });

  it('ends when the connection breaks', async () => {
    const acceptor = await startAcceptor();
    const { recorder } = await dial(acceptor);
    rawSocket(acceptor.sockets[0]).resetAndDestroy();
    expect(await recorder.until('close')).toMatch(/^close CONNECTION_LOST: .* true$/);
    expect(await acceptor.recorder.until('close')).toMatch(/^close CONNECTION_LOST: .* true$/);
  });

  it('keeps what arrives before the tunnel is made', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...WEBSOCKET_OPTIONS });
    await once(server, 'listening');
    cleanUps.push(() => {
      for (const client of server.clients) client.terminate();
      server.close();
      return once(server, 'close');
    });
    const connect = async (): Promise<{ socket: WebSocket; carrier: WebSocketCarrier }> => {
      const carrier = new Promise<WebSocketCarrier>((resolve) =>
        server.once('connection', (socket) => resolve(new WebSocketCarrier(socket))),
      );
      const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
      await once(socket, 'open');
      return { socket, carrier: await carrier };
    };
    const { socket, carrier } = await connect();
    await new Promise((resolve) => socket.send(Buffer.alloc(500), resolve));
    // By the time that another connection is made, the bytes of the first would have been read.
    await connect();
    let bytes = 0;
    await new Promise<void>((resolve) =>
      carrier.start({
        onMessage: (piece) => {
          bytes += piece.length;
          if (bytes >= 500) resolve();
        },
        onSent: () => {},
        onClose: () => {},
      }),
    );
    expect(bytes).toBe(500);
  });

  it('reports an end that came before the tunnel was made', async () => {
    const acceptor = await startAcceptor();
    const result = await dialWebSocket({ url: acceptor.url, apiKey: 'k', timeoutMs: 2000 });
    if (!result.ok) throw new Error(result.reason);
    const { socket } = result.carrier as unknown as { socket: WebSocket };
    const closed = once(socket, 'close');
    // A paused socket does not notice the end of its connection.
    socket.resume();
    acceptor.sockets[0].terminate();
    await closed;
    const recorder = new TunnelRecorder();
    dialTunnel(result.carrier, HELLO, { onClose: (...args) => recorder.onClose(...args) });
    expect(await recorder.until('close')).toMatch(/^close CONNECTION_LOST/);
  });

  it('gives up a peer that does not answer the close', { timeout: 10_000 }, async () => {
    const acceptor = await startAcceptor();
    const socket = await connectPlain(acceptor);
    socket.pause();
    socket.send(HELLO_FRAME);
    await acceptor.recorder.until('open');
    const gone = once(acceptor.sockets[0], 'close');
    acceptor.tunnel!.close(GoAwayCode.KEY_REVOKED, 'revoked');
    const start = performance.now();
    await gone;
    expect(performance.now() - start).toBeLessThan(4000);
  });

  it('continues after the carrier was congested', { timeout: 20_000 }, async () => {
    const acceptor = await startAcceptor({ maxWindowBytes: 16_777_216, openWindowBytes: 16_777_216 });
    const { tunnel, recorder } = await dial(acceptor);
    await acceptor.recorder.until('open');
    const total = 48 * 1_048_576;
    let received = 0;
    const ended = new Promise<void>((resolve) => {
      tunnelStreams(recorder, (stream) => {
        stream.handler = {
          ...QUIET,
          onData: (chunk) => {
            received += chunk.length;
          },
          onEnd: () => resolve(),
        };
        stream.accept();
      });
    });
    let sent = 0;
    let waits = 0;
    const stream: Stream = acceptor.tunnel!.openStream(TARGET, {
      ...QUIET,
      onDrain: () => pump(),
    })!;
    const pump = (): void => {
      while (sent < total) {
        sent += 262_144;
        if (!stream.write(Buffer.alloc(262_144, sent / 262_144))) {
          waits++;
          return;
        }
      }
      stream.end();
    };
    pump();
    await ended;
    expect(received).toBe(total);
    expect(waits).toBeGreaterThan(0);
    tunnel.close(GoAwayCode.NORMAL, '');
  });
});

describe('dialWebSocket', () => {
  it('keeps the path of the deployment', async () => {
    const acceptor = await startAcceptor();
    const result = await dialWebSocket({
      url: new URL('/culvert/', acceptor.url),
      apiKey: 'k',
      timeoutMs: 2000,
    });
    expect(acceptor.paths).toEqual([`/culvert${TUNNEL_PATH}`]);
    if (result.ok) result.carrier.close(4000, '');
  });

  it('reports the status of a refusal', async () => {
    const port = await serve((socket) =>
      socket.end('HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n'),
    );
    expect(
      await dialWebSocket({ url: new URL(`http://127.0.0.1:${port}`), apiKey: 'k', timeoutMs: 2000 }),
    ).toEqual({
      ok: false,
      status: 401,
      reason: 'the edge answered 401 to the upgrade',
    });
  });

  it('reports the failed step when there is no answer', async () => {
    const port = await serve((socket) => socket.destroy());
    const url = new URL(`http://127.0.0.1:${port}`);
    const result = await dialWebSocket({ url, apiKey: 'k', timeoutMs: 2000 });
    expect(result).toMatchObject({ ok: false, status: null });
  });

  it('gives up after its timeout', async () => {
    const port = await serve(() => undefined);
    const url = new URL(`http://127.0.0.1:${port}`);
    expect(await dialWebSocket({ url, apiKey: 'k', timeoutMs: 30 })).toMatchObject({
      ok: false,
      status: null,
    });
  });

  it.each(['before', 'while'])('is aborted %s it connects', async (when) => {
    const port = await serve(() => undefined);
    const aborter = new AbortController();
    if (when === 'before') aborter.abort();
    const url = new URL(`http://127.0.0.1:${port}`);
    const result = dialWebSocket({ url, apiKey: 'k', timeoutMs: 60_000, signal: aborter.signal });
    aborter.abort();
    expect(await result).toMatchObject({ ok: false });
  });
});

const QUIET: StreamHandler = { onOpen() {}, onData() {}, onEnd() {}, onReset() {}, onDrain() {} };

function tunnelStreams(recorder: TunnelRecorder, accept: (stream: IncomingStream) => void): void {
  recorder.onStream = (stream) => accept(stream);
}

/** Sends back what it gets, and pauses now and then. */
class Echo implements StreamHandler {
  private ended = false;

  constructor(
    private readonly stream: IncomingStream,
    private readonly random: SeededRandom,
  ) {
    stream.handler = this;
    if (random.next() < 0.5) stream.accept();
  }

  onOpen(): void {
    throw new Error('only the opener hears this');
  }
  onData(chunk: Buffer): void {
    const accepted = this.stream.write(Buffer.from(chunk));
    if (!accepted) {
      this.stream.pause();
    } else if (this.random.next() < 0.05) {
      this.stream.pause();
      setTimeout(() => this.stream.resume(), this.random.integer(0, 3));
    }
  }
  onEnd(): void {
    this.ended = true;
    this.stream.end();
  }
  onReset(): void {
    this.ended = true;
  }
  onDrain(): void {
    if (!this.ended) this.stream.resume();
  }
}

/** Sends random bytes and compares the bytes that come back; some streams are reset on the way. */
class Talker implements StreamHandler {
  readonly outcome: Promise<string>;
  private settle!: (outcome: string) => void;
  private readonly stream: Stream;
  private readonly sent = createHash('sha1');
  private readonly received = createHash('sha1');
  private readonly pieces: Buffer[];
  private readonly cancelAfter: number;

  constructor(tunnel: TunnelConnection, random: SeededRandom, bytes: number) {
    this.outcome = new Promise((resolve) => {
      this.settle = resolve;
    });
    const whole = random.bytes(bytes);
    this.sent.update(whole);
    this.pieces = random.cut(whole, random.next() < 0.5 ? 500 : 200_000);
    this.cancelAfter = random.next() < 0.1 ? this.pieces.length / 2 : Infinity;
    this.stream = tunnel.openStream(TARGET, this)!;
    this.pump();
  }

  onOpen(): void {
    // Bytes were sent before.
  }
  onData(chunk: Buffer): void {
    this.received.update(chunk);
  }
  onEnd(): void {
    this.settle(this.received.digest('hex') === this.sent.digest('hex') ? 'equal' : 'different');
  }
  onReset(code: ResetCode, detail: string): void {
    this.settle(`reset ${code} ${detail}`);
  }
  onDrain(): void {
    this.pump();
  }

  private pump(): void {
    for (let piece = this.pieces.shift(); piece; piece = this.pieces.shift()) {
      if (this.pieces.length < this.cancelAfter && this.cancelAfter !== Infinity) {
        this.stream.reset(ResetCode.CANCEL, 'changed its mind');
        this.settle('cancelled');
        return;
      }
      if (!this.stream.write(piece)) return;
    }
    this.stream.end();
  }
}

async function serve(handle: (socket: Socket) => void): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    handle(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
    return once(server, 'close');
  });
  return (server.address() as AddressInfo).port;
}

function rawSocket(socket: WebSocket): Socket {
  return (socket as unknown as { _socket: Socket })._socket;
}
