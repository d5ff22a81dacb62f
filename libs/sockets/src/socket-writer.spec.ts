import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { collectGarbage, createTestCertificate } from '@culvert/testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MAX_JOINED_BYTES, SocketWriter } from './socket-writer.js';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** Both ends of a TCP connection: what is written to `near` arrives at `far`, once that reads. */
async function connection(): Promise<{ near: Socket; far: Socket }> {
  const server = await listen(createServer({ pauseOnConnect: true, allowHalfOpen: true }));
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const near = connect({ port: portOf(server), host: '127.0.0.1', allowHalfOpen: true });
  await once(near, 'connect');
  const [far] = await accepted;
  keep(near, far);
  return { near, far };
}

async function listen(server: Server): Promise<Server> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => server.close());
  return server;
}

function keep(...sockets: Socket[]): void {
  for (const socket of sockets) {
    socket.on('error', () => {});
    cleanUps.push(() => socket.destroy());
  }
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.resume();
  await once(socket, 'end');
  return Buffer.concat(chunks);
}

/** Returns bytes that differ from those at any other place nearby. */
function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + seed * 7 + (i >> 8)) & 0xff;
  return bytes;
}

/** Like `fill`, for bytes that only the writer references; returns how many. It is a separate function so that its variables do not outlive the call. */
function fillAndForget(writer: SocketWriter): number {
  let bytes = 0;
  for (let hasRoom = true; hasRoom; bytes += 1 << 20) hasRoom = writer.write(Buffer.alloc(1 << 20, 'a'));
  return bytes;
}

/** The program of a process that connects to a port, and prints how many bytes it gets. */
const COUNTS = `
  let bytes = 0;
  const onread = { buffer: Buffer.alloc(1 << 20), callback: (count) => (bytes += count) };
  const socket = require('node:net').connect({ port: Number(process.argv[1]), host: '127.0.0.1', onread });
  socket.on('end', () => process.stdout.write(String(bytes)));
`;

/** Writes until the kernel and the process hold as much as they should. */
function fill(writer: SocketWriter): Buffer[] {
  const written: Buffer[] = [];
  let hasRoom = true;
  for (let i = 0; hasRoom; i++) {
    const chunk = pattern(60_000 + i, i);
    written.push(chunk);
    hasRoom = writer.write(chunk);
  }
  return written;
}

describe('SocketWriter', () => {
  it('passes to the kernel what it accepts at once, bypassing the stream', async () => {
    const { near, far } = await connection();
    const throughStream = vi.spyOn(near, 'write');
    const writer = new SocketWriter(near, () => {});
    expect(writer.write(Buffer.from('one '))).toBe(true);
    expect(writer.writeJoined('two ', Buffer.from('three '))).toBe(true);
    expect(writer.writeJoined(Buffer.from('four '), Buffer.from('five'))).toBe(true);
    expect(writer.hasBacklog).toBe(false);
    near.end();
    expect((await readAll(far)).toString()).toBe('one two three four five');
    expect(throughStream).not.toHaveBeenCalled();
  });

  it('asks the writer to wait when the kernel is full, and reports when there is room again', async () => {
    const { near, far } = await connection();
    const onDrain = vi.fn();
    const writer = new SocketWriter(near, onDrain);
    const written = fill(writer);
    expect(writer.needsDrain).toBe(true);
    expect(writer.hasBacklog).toBe(true);
    expect(onDrain).not.toHaveBeenCalled();
    const arrived = readAll(far);
    await expect.poll(() => onDrain.mock.calls.length).toBe(1);
    expect(writer.needsDrain).toBe(false);
    near.end();
    expect((await arrived).equals(Buffer.concat(written))).toBe(true);
  });

  it('keeps the order of bytes written directly, queued, and written after that', async () => {
    const { near, far } = await connection();
    const writer = new SocketWriter(near, () => {});
    const written = fill(writer);
    for (let i = 0; i < 20; i++) {
      const chunk = pattern(1000 + i, i);
      written.push(chunk);
      if (i % 2 === 0) writer.write(chunk);
      else writer.writeJoined(chunk.subarray(0, 10), chunk.subarray(10));
    }
    near.end();
    expect((await readAll(far)).equals(Buffer.concat(written))).toBe(true);
  });

  it('sends written bytes that nothing else references', async () => {
    const { near, far } = await connection();
    const writer = new SocketWriter(near, () => {});
    const bytes = fillAndForget(writer);
    await collectGarbage();
    const others = Array.from({ length: 32 }, () => Buffer.alloc(1 << 20, 'b'));
    near.end();
    const arrived = await readAll(far);
    expect(arrived.equals(Buffer.alloc(bytes, 'a'))).toBe(true);
    expect(others).toHaveLength(32);
  });

  it('loses nothing to a process that reads meanwhile, however the kernel splits the writes', async () => {
    const server = await listen(createServer({ allowHalfOpen: true }));
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const reader = spawn(process.execPath, ['-e', COUNTS, String(portOf(server))]);
    cleanUps.push(() => reader.kill('SIGKILL'));
    const [near] = await accepted;
    keep(near);
    const chunks = Array.from({ length: 16 }, (_, i) => pattern(40_000 + i * 10_000, i));
    let drained = (): void => {};
    const writer = new SocketWriter(near, () => drained());
    let bytes = 0;
    for (let i = 0; i < 20_000; i++) {
      const chunk = chunks[i % chunks.length];
      bytes += chunk.length;
      if (writer.write(chunk)) continue;
      await new Promise<void>((resolve) => (drained = resolve));
    }
    near.end();
    const [counted] = (await once(reader.stdout.setEncoding('utf8'), 'data')) as [string];
    expect(Number(counted)).toBe(bytes);
  });

  it('returns to direct writes once everything is sent', async () => {
    const { near, far } = await connection();
    const throughStream = vi.spyOn(near, 'write');
    const writer = new SocketWriter(near, () => {});
    fill(writer);
    writer.write(Buffer.from('behind it'));
    expect(throughStream).toHaveBeenCalledTimes(1);
    far.resume();
    await expect.poll(() => writer.hasBacklog).toBe(false);
    writer.write(Buffer.from('again'));
    expect(throughStream).toHaveBeenCalledTimes(1);
  });

  it('keeps queued bytes intact while others are joined', async () => {
    const slow = await connection();
    const quick = await connection();
    const toSlow = new SocketWriter(slow.near, () => {});
    const toQuick = new SocketWriter(quick.near, () => {});
    const written: Buffer[] = [];
    let hasRoom = true;
    for (let i = 0; hasRoom; i++) {
      const chunk = pattern(MAX_JOINED_BYTES, i);
      written.push(chunk);
      hasRoom = toSlow.writeJoined(chunk.subarray(0, 100), chunk.subarray(100));
    }
    const quickArrived = readAll(quick.far);
    for (let i = 0; i < 4; i++) toQuick.writeJoined('x'.repeat(50), Buffer.alloc(20_000, 'y'));
    slow.near.end();
    quick.near.end();
    expect((await readAll(slow.far)).equals(Buffer.concat(written))).toBe(true);
    expect((await quickArrived).length).toBe(4 * 20_050);
  });

  it('joins text as latin1, of any lengths one after the other', async () => {
    const { near, far } = await connection();
    const writer = new SocketWriter(near, () => {});
    writer.writeJoined('h\u00e9: ', Buffer.from('long body;'));
    writer.writeJoined('', Buffer.from('s;'));
    writer.writeJoined('\u00ff', Buffer.alloc(0));
    near.end();
    expect((await readAll(far)).toString('latin1')).toBe('h\u00e9: long body;s;\u00ff');
  });

  it('writes through the stream until it is connected, and while it is corked', async () => {
    const server = await listen(createServer());
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const near = connect({ port: portOf(server), host: '127.0.0.1' });
    keep(near);
    const writer = new SocketWriter(near, () => {});
    writer.write(Buffer.from('early '));
    writer.writeJoined('and ', Buffer.from('joined, '));
    const [far] = await accepted;
    keep(far);
    await expect.poll(() => near.writableLength).toBe(0);
    near.cork();
    writer.write(Buffer.from('corked '));
    expect(near.writableLength).toBe(7);
    near.uncork();
    near.end(Buffer.from('end'));
    expect((await readAll(far)).toString()).toBe('early and joined, corked end');
  });

  it('fails the socket when the other side is gone, and does not throw', async () => {
    const { near, far } = await connection();
    const failed = once(near, 'error') as Promise<[NodeJS.ErrnoException]>;
    const writer = new SocketWriter(near, () => {});
    far.resetAndDestroy();
    while (!near.destroyed) {
      writer.write(Buffer.from('to nobody'));
      await new Promise(setImmediate);
    }
    const [error] = await failed;
    expect(error.code).toMatch(/^(EPIPE|ECONNRESET)$/);
    expect(writer.write(Buffer.from('more'))).toBe(false);
  });

  it('drops queued bytes when the socket is destroyed, without a callback', async () => {
    const { near } = await connection();
    const onDrain = vi.fn();
    const writer = new SocketWriter(near, onDrain);
    fill(writer);
    near.destroy();
    await once(near, 'close');
    await new Promise(setImmediate);
    expect(onDrain).not.toHaveBeenCalled();
  });

  it('ends the connection after queued bytes', async () => {
    const { near, far } = await connection();
    const writer = new SocketWriter(near, () => {});
    const written = fill(writer);
    near.end();
    expect(near.writableFinished).toBe(false);
    const arrived = await readAll(far);
    expect(arrived.length).toBe(written.reduce((sum, { length }) => sum + length, 0));
    await expect.poll(() => near.writableFinished).toBe(true);
  });

  it('leaves TLS to the stream', async () => {
    const { key, cert } = createTestCertificate(['localhost']);
    const server = await listen(createTlsServer({ key, cert }));
    const accepted = once(server, 'secureConnection') as Promise<[Socket]>;
    const near = connectTls({ port: portOf(server), host: '127.0.0.1', rejectUnauthorized: false });
    await once(near, 'secureConnect');
    const [far] = await accepted;
    keep(near, far);
    const throughStream = vi.spyOn(near, 'write');
    const writer = new SocketWriter(near, () => {});
    writer.write(Buffer.from('sealed '));
    writer.writeJoined('and ', Buffer.from('joined'));
    near.end();
    expect((await readAll(far)).toString()).toBe('sealed and joined');
    expect(throughStream).toHaveBeenCalledTimes(2);
  });
});
