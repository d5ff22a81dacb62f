import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { Deferred } from '@culvert/testkit';
import { ResetCode } from '@culvert/tunnel';
import type { IncomingStream, StreamHandler } from '@culvert/tunnel';
import { afterEach, describe, expect, it } from 'vitest';
import { Splice } from './splice.js';

/** The tunnel's side of a splice: records the calls. */
class FakeStream implements IncomingStream {
  readonly id = 1;
  handler!: StreamHandler;
  isOpen = true;
  readonly calls: string[] = [];
  readonly accepted = new Deferred();
  readonly ended = new Deferred();
  accept(): void {
    this.accepted.resolve();
  }
  write(): boolean {
    return true;
  }
  end(): void {
    this.ended.resolve();
  }
  reset(code: ResetCode, detail = ''): void {
    this.isOpen = false;
    this.calls.push(`reset ${code} ${detail}`);
  }
  pause(): void {
    this.calls.push('pause');
  }
  resume(): void {
    this.calls.push('resume');
  }
}

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function spliceTo(serve: (socket: Socket) => void): Promise<{ stream: FakeStream; socket: Socket }> {
  const accepted: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket);
    socket.on('error', () => undefined);
    serve(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
  });
  cleanUps.push(() => {
    socket.destroy();
    for (const one of accepted) one.destroy();
    server.close();
    return once(server, 'close');
  });
  const stream = new FakeStream();
  const splice = new Splice(stream, socket, {
    connectTimeoutMs: 2000,
    isTls: false,
    alpn: 'http/1.1',
    label: 'ingress:1',
    onFailure: () => undefined,
  });
  socket.on('data', (chunk: Buffer) => splice.handleIngressData(chunk));
  await stream.accepted.promise;
  return { stream, socket };
}

describe('a splice with an ingress that does not read', () => {
  it('pauses the stream, and holds no carrier message for the sake of small chunks', async () => {
    const { stream, socket } = await spliceTo((peer) => peer.pause());
    // Fill what the kernel takes, so that everything from here on waits in this process.
    while (socket.write(Buffer.alloc(65_536)) || socket.writableLength < 65_536);
    const held = new Set<ArrayBufferLike>();
    const write = socket.write.bind(socket);
    socket.write = (chunk: Buffer) => {
      held.add(chunk.buffer);
      return write(chunk);
    };
    for (let i = 0; i < 200; i++) stream.handler.onData(Buffer.alloc(1_048_576).subarray(0, 10));
    expect(stream.calls).toContain('pause');
    const bytes = [...held].reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(bytes).toBe(2000);
  });
});

describe('a splice', () => {
  it.each([
    ['while bytes wait for an ingress that does not read', false],
    ['after it was ended', true],
  ])('closes its socket when the stream is reset %s', async (_case, isEnded) => {
    const { stream, socket } = await spliceTo((peer) => peer.pause());
    while (socket.write(Buffer.alloc(65_536)) || socket.writableLength < 65_536);
    const closed = once(socket, 'close');
    if (isEnded) stream.handler.onEnd();
    stream.handler.onReset(ResetCode.CANCEL, '');
    await closed;
    expect(socket.destroyed).toBe(true);
  });

  it('resumes the stream when the ingress has read', async () => {
    const { stream, socket } = await spliceTo((peer) => peer.resume());
    for (let i = 0; i < 100; i++) stream.handler.onData(Buffer.alloc(65_536));
    expect(stream.calls).toContain('pause');
    if (socket.writableLength > 0) await once(socket, 'drain');
    expect(stream.calls.at(-1)).toBe('resume');
  });

  it('closes its socket once both ends have ended', async () => {
    const { stream, socket } = await spliceTo((peer) => peer.on('end', () => peer.end()).resume());
    const closed = once(socket, 'close');
    stream.handler.onEnd();
    await stream.ended.promise;
    await closed;
    expect(stream.calls).toEqual([]);
  });

  it('resets the stream once when the socket fails', async () => {
    const { stream, socket } = await spliceTo((peer) => peer.once('data', () => peer.resetAndDestroy()));
    const closed = once(socket, 'close').catch((error: unknown) => error);
    stream.handler.onData(Buffer.from('x'));
    await closed;
    expect(stream.calls).toEqual([`reset ${ResetCode.INGRESS_RESET} read ECONNRESET`]);
  });
});
