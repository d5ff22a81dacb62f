import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { GoAwayCode } from './frame.js';
import { encodeHello } from './handshake.js';
import { SocketCarrier } from './socket-carrier.js';
import { plainEncode } from './spec/plain-codec.js';
import { HELLO, TARGET } from './spec/raw-peer.js';
import { StreamRecorder, TunnelRecorder } from './spec/recorder.js';
import type { TunnelConnection } from './connection.js';
import { acceptTunnel, dialTunnel } from './tunnel.js';

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

/** Two ends of a TCP connection. */
async function socketPair(): Promise<[Socket, Socket]> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [
    [Socket],
    unknown,
  ];
  server.close();
  cleanUps.push(() => {
    near.destroy();
    far.destroy();
  });
  return [near, far];
}

function accept(socket: Socket): { tunnel: TunnelConnection; recorder: TunnelRecorder } {
  const recorder = new TunnelRecorder();
  const tunnel = acceptTunnel(new SocketCarrier(socket), {
    onHello: () => Promise.resolve({ accept: { sessionId: 's1', resumed: false } }),
    onOpen: (welcome) => recorder.onOpen(welcome),
    onGoAway: (code, reason) => recorder.onGoAway(code, reason),
    onStream: (stream, target) => recorder.onStream(stream, target),
    onClose: (code, reason, wasError) => recorder.onClose(code, reason, wasError),
  });
  cleanUps.push(() => tunnel.close(GoAwayCode.NORMAL, ''));
  return { tunnel, recorder };
}

function dial(socket: Socket): { tunnel: TunnelConnection; recorder: TunnelRecorder } {
  const recorder = new TunnelRecorder();
  const tunnel = dialTunnel(new SocketCarrier(socket), HELLO, {
    onOpen: (welcome) => recorder.onOpen(welcome),
    onGoAway: (code, reason) => recorder.onGoAway(code, reason),
    onStream: (stream, target) => recorder.onStream(stream, target),
    onClose: (code, reason, wasError) => recorder.onClose(code, reason, wasError),
  });
  cleanUps.push(() => tunnel.close(GoAwayCode.NORMAL, ''));
  return { tunnel, recorder };
}

async function openTunnel() {
  const [near, far] = await socketPair();
  const [dialed, accepted] = [dial(near), accept(far)];
  await dialed.recorder.until('open');
  return { dialed, accepted, near, far };
}

describe(SocketCarrier.name, () => {
  it('carries streams of both ends, whatever the pieces in which bytes arrive', async () => {
    const { dialed, accepted } = await openTunnel();
    for (const [from, to] of [
      [dialed, accepted],
      [accepted, dialed],
    ] as const) {
      const sent = Buffer.alloc(3_000_000, 'abcdefg');
      const recorder = new StreamRecorder();
      const stream = from.tunnel.openStream(TARGET, recorder)!;
      stream.write(sent);
      stream.end();
      await to.recorder.until('stream');
      const received = to.recorder.recorders[0];
      await received.until('end');
      expect(received.data.equals(sent)).toBe(true);
      to.recorder.streams[0].end();
      await recorder.until('end');
    }
  });

  it('accepts a handshake that arrives byte by byte', async () => {
    const [near, far] = await socketPair();
    const { recorder } = accept(far);
    for (const byte of plainEncode({ type: 1, id: 0, payload: encodeHello(HELLO, 16) })) {
      near.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await recorder.until('open')).toBe('open');
  });

  it('stops taking bytes while the peer does not read, and asks for more when it does', async () => {
    const { dialed, accepted, far } = await openTunnel();
    const recorder = new StreamRecorder();
    const stream = dialed.tunnel.openStream(TARGET, recorder)!;
    await accepted.recorder.until('stream');
    far.pause();
    const chunk = Buffer.alloc(65_536);
    let accepts = true;
    for (let i = 0; i < 200 && accepts; i++) {
      accepts = stream.write(chunk);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(accepts).toBe(false);
    far.resume();
    await recorder.until('drain');
  });

  it('delivers the reason of GOAWAY, which ends the connection', async () => {
    const { dialed, accepted, near } = await openTunnel();
    const ended = once(near, 'close');
    accepted.tunnel.close(GoAwayCode.SHUTTING_DOWN, 'the edge stops');
    expect(await dialed.recorder.until('close')).toBe('close SHUTTING_DOWN: the edge stops false');
    await ended;
  });

  it('reports a broken connection, and resets the streams on it', async () => {
    const { dialed, accepted, far } = await openTunnel();
    const recorder = new StreamRecorder();
    dialed.tunnel.openStream(TARGET, recorder);
    await accepted.recorder.until('stream');
    far.resetAndDestroy();
    expect(await dialed.recorder.until('close')).toMatch(/^close CONNECTION_LOST: .* true$/);
    expect(recorder.events.at(-1)).toMatch(/^reset TUNNEL_LOST/);
  });

  it('reports a connection whose peer has ended its side', async () => {
    const { dialed, far } = await openTunnel();
    far.end();
    expect(await dialed.recorder.until('close')).toMatch(/^close CONNECTION_LOST/);
  });

  it('reports an end from before its start', async () => {
    const [near, far] = await socketPair();
    const carrier = new SocketCarrier(near);
    far.resetAndDestroy();
    await new Promise((resolve) => near.once('close', resolve));
    const ended = new Promise<string>((resolve) => {
      carrier.start({ onMessage() {}, onSent() {}, onClose: (_status, reason) => resolve(reason) });
    });
    expect(await ended).toMatch(/ECONNRESET|ended|closed/);
  });

  it.each([
    ['an HTTP request', 'GET / HTTP/1.1\r\nHost: edge\r\n\r\n'],
    ['zeros', '\0'.repeat(64)],
    ['a TLS handshake', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ])('ends a connection that begins with %s', async (_what, bytes) => {
    const [near, far] = await socketPair();
    const { recorder } = accept(far);
    near.write(Buffer.from(bytes, 'latin1'));
    expect(await recorder.until('close')).toMatch(/^close (PROTOCOL_ERROR|FRAME_TOO_LARGE)/);
    near.resume();
    await once(near, 'close');
  });
});
