import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net, { type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { SeededRandom, StreamRecorder, TunnelRecorder } from '@culvert/testkit';
import { acceptTunnel, dialTunnel, GoAwayCode, type TunnelConnection } from '@culvert/tunnel';
import { SECRET, TARGET } from '../spec/edges.js';
import { linkTls } from './link-credentials.js';
import { SocketCarrier } from './socket-carrier.js';

const HELLO = { managerId: 'm1', clusterId: 'c1', name: 'n', version: '1', instanceId: 'i1' };

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

type Kind = 'TCP' | 'TLS' | 'Unix';

/** Two ends of a connection. */
async function socketPair(kind: Kind = 'TCP'): Promise<[Socket, Socket]> {
  const keys = linkTls({ kind: 'secrets', secrets: [SECRET] });
  const [accepted, connected] =
    kind === 'TLS' ? ['secureConnection', 'secureConnect'] : ['connection', 'connect'];
  const server = kind === 'TLS' ? tls.createServer(keys.server) : net.createServer();
  const folder = mkdtempSync(join(tmpdir(), 'carrier-'));
  cleanUps.push(() => rmSync(folder, { recursive: true }));
  server.listen(kind === 'Unix' ? { path: join(folder, 'socket') } : { port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const address = server.address() as AddressInfo | string;
  const near =
    typeof address === 'string'
      ? net.connect(address)
      : kind === 'TLS'
        ? tls.connect({ ...keys.client, host: '127.0.0.1', port: address.port })
        : net.connect(address.port, '127.0.0.1');
  const [[far]] = (await Promise.all([once(server, accepted), once(near, connected)])) as [[Socket], unknown];
  server.close();
  cleanUps.push(() => {
    near.destroy();
    far.destroy();
  });
  return [near, far];
}

/** The first frame of a dialer (docs/protocol.md §2 and §3). */
function helloFrame(): Buffer {
  const payload = Buffer.from(JSON.stringify({ ...HELLO, versions: [1] }));
  const header = Buffer.alloc(8);
  header.writeUInt32BE(0x0100_0000 + payload.length);
  return Buffer.concat([header, payload]);
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

async function openTunnel(kind?: Kind) {
  const [near, far] = await socketPair(kind);
  const [dialed, accepted] = [dial(near), accept(far)];
  await dialed.recorder.until('open');
  return { dialed, accepted, near, far };
}

describe(SocketCarrier.name, () => {
  it.each(['TCP', 'TLS', 'Unix'] as const)(
    'carries pieces of all sizes in order, both ways, over %s',
    async (kind) => {
      const { dialed, accepted } = await openTunnel(kind);
      for (const [from, to] of [
        [dialed, accepted],
        [accepted, dialed],
      ] as const) {
        const random = new SeededRandom(1);
        const pieces = Array.from({ length: 60 }, (_, i) =>
          random.bytes(random.integer(1, i % 2 ? 100 : 150_000)),
        );
        const sent = Buffer.concat(pieces);
        const recorder = new StreamRecorder();
        const stream = from.tunnel.openStream(TARGET, recorder)!;
        for (const piece of pieces) stream.write(piece);
        stream.end();
        await to.recorder.until('stream');
        const received = to.recorder.recorders[0];
        await received.until('end');
        expect(received.data.equals(sent)).toBe(true);
        to.recorder.streams[0].end();
        await recorder.until('end');
      }
    },
  );

  it('keeps bytes that wait, whatever other connections receive meanwhile', async () => {
    // All connections read into the same memory: what is not copied out of it would change.
    const tunnels = [await openTunnel(), await openTunnel()];
    const bodies = tunnels.map((_, index) => Buffer.alloc(30_000, `connection ${index} `));
    const streams = tunnels.map(({ dialed }) => dialed.tunnel.openStream(TARGET, new StreamRecorder())!);
    for (const { accepted } of tunnels) {
      await accepted.recorder.until('stream');
      accepted.recorder.streams[0].pause();
    }
    for (const [index, stream] of streams.entries()) {
      stream.write(bodies[index].subarray(0, 20_000));
      stream.write(bodies[index].subarray(20_000));
      stream.end();
    }
    for (const { accepted } of tunnels) {
      await expect.poll(() => accepted.tunnel.receivedBytes).toBeGreaterThan(30_000);
    }
    for (const [index, { accepted }] of tunnels.entries()) {
      accepted.recorder.streams[0].resume();
      await accepted.recorder.recorders[0].until('end');
      expect(accepted.recorder.recorders[0].data.equals(bodies[index])).toBe(true);
    }
  });

  it('accepts a handshake that arrives byte by byte', async () => {
    const [near, far] = await socketPair();
    const { recorder } = accept(far);
    for (const byte of helloFrame()) {
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
