/** Both ends of a connection against each other: whatever users do and wherever bytes are cut, messages arrive whole. */
import assert from 'node:assert/strict';
import { ClientConnection } from '../client/connection.js';
import type { ClientOwner } from '../client/call.js';
import { ClientStream } from '../client/stream.js';
import { ErrorCode } from '../frames/frame.js';
import { HIGH_WATER_BYTES } from '../connection/limits.js';
import { type ConnectionOwner, ServerConnection } from '../server/connection.js';
import { CLIENT_LIMITS } from './client-rig.js';
import { LIMITS } from './connection-rig.js';
import { Random } from './random.js';

const MAX_TURNS = 5000;

/** One direction of the transport: bytes leave in pieces, and its writer is told that it is full. */
class Pipe {
  private bytes = Buffer.alloc(0);
  isPaused = false;

  get size(): number {
    return this.bytes.length;
  }

  write(bytes: Buffer): void {
    this.bytes = Buffer.concat([this.bytes, bytes]);
  }

  take(max: number): Buffer {
    const taken = this.bytes.subarray(0, max);
    this.bytes = this.bytes.subarray(taken.length);
    return taken;
  }
}

/** What became of a message: its bytes, and how it ended. */
interface Message {
  sent: number;
  received: number;
  isOver: boolean;
}

/** Runs requests of random sizes through both ends. Returns the verdict; throws AssertionError. */
export async function runPair(seed: number): Promise<string> {
  const random = new Random(seed);
  const toServer = new Pipe();
  const toClient = new Pipe();
  const uploads = new Map<number, Message>();
  const downloads = new Map<number, Message>();
  /** Streams that the client resets. */
  const cut = new Set<number>();
  const idle = {
    now: () => 0,
    onPong: () => {},
    onAcknowledged: () => {},
    onDrained: () => {},
    onSettings: () => {},
    onFailed: (code: number, reason: string) => assert.fail(`failed with ${code}: ${reason}`),
    onFault: (error: unknown) => {
      throw error;
    },
  };
  const serverOwner: ConnectionOwner = {
    ...idle,
    bufferedBytes: () => toClient.size,
    write: (bytes) => toClient.write(bytes),
    pauseInput: () => void (toServer.isPaused = true),
    resumeInput: () => void (toServer.isPaused = false),
    onRequest: (stream) => {
      const upload: Message = uploads.get(stream.id) ?? assert.fail('a request that was not made');
      const download: Message = { sent: random.below(200_000), received: 0, isOver: false };
      downloads.set(stream.id, download);
      stream.attach({
        onData: (chunk) => void (upload.received += chunk.length),
        onEnd: (trailers) => {
          upload.isOver = true;
          assert.equal(upload.received, upload.sent);
          assert.deepEqual(
            trailers.map(({ line }) => line),
            ['x-sum: 1\r\n'],
          );
        },
        onDrain: () => {},
        onClose: () => {},
      });
      stream.beginHeaders(200).add('x', String(random.below(3)));
      stream.sendHeaders({ endStream: false });
      stream.write(Buffer.alloc(download.sent));
      stream.endWithTrailers([['grpc-status', '0']]);
      paused.push(stream);
    },
  };
  const clientOwner: ClientOwner = {
    ...idle,
    bufferedBytes: () => (toServer.size > HIGH_WATER_BYTES ? HIGH_WATER_BYTES : 0),
    write: (bytes) => toServer.write(bytes),
    pauseInput: () => void (toClient.isPaused = true),
    resumeInput: () => void (toClient.isPaused = false),
    onGoAway: () => {},
  };
  /** Streams that are resumed, and paused again, at random. */
  const paused: { resume(): void; pause(): void }[] = [];
  const server = new ServerConnection(serverOwner, { ...LIMITS, maxControlFrames: 100_000, maxResets: 1000 });
  const client = new ClientConnection<ClientStream>(clientOwner, {
    ...CLIENT_LIMITS,
    maxControlFrames: 100_000,
  });
  client.start();

  let requestsLeft = random.below(12) + 1;
  for (let turn = 0; ; turn++) {
    assert.ok(turn < MAX_TURNS, 'nothing is stuck');
    if (requestsLeft > 0 && client.streamCount < LIMITS.maxStreams && random.oneIn(2)) {
      requestsLeft--;
      paused.push(request());
    }
    for (const stream of paused) {
      if (!random.oneIn(2)) continue;
      stream.resume();
      if (random.oneIn(2)) stream.pause();
    }
    if (!toServer.isPaused) server.push(toServer.take(random.pick([1, 100, 5000, 100_000])));
    if (!toClient.isPaused) client.push(toClient.take(random.pick([1, 100, 5000, 100_000])));
    client.handleSent();
    server.handleSent();
    await new Promise((resolve) => setImmediate(resolve));
    if (requestsLeft === 0 && client.streamCount === 0 && server.streamCount === 0) break;
  }
  for (const [id, { isOver }] of [...uploads, ...downloads])
    assert.ok(isOver || cut.has(id), 'every message arrives whole, unless it was reset');
  return 'whole';

  function request(): ClientStream {
    const upload: Message = { sent: random.below(200_000), received: 0, isOver: false };
    const encoder = client.beginHeaders();
    for (const [name, value] of [
      [':method', 'POST'],
      [':scheme', 'http'],
      [':authority', 'a.test'],
      [':path', '/'],
    ] as const)
      encoder.add(name, value);
    const { nextStreamId } = client;
    uploads.set(nextStreamId, upload);
    const stream = ClientStream.open(
      client,
      {
        onInterim: () => {},
        onResponse: ({ status }) => assert.equal(status, 200),
        onData: (chunk) => void (downloadOf().received += chunk.length),
        onEnd: (trailers) => {
          const download = downloadOf();
          download.isOver = true;
          assert.equal(download.received, download.sent);
          assert.deepEqual(
            trailers.map(({ line }) => line),
            ['grpc-status: 0\r\n'],
          );
        },
        onDrain: () => {},
        onClose: () => {
          const { failure, failureCode } = stream;
          // The server may not know yet of streams that ended here, and take no more.
          if (failure === 'refused') cut.add(stream.id);
          else assert.equal(`${failure} ${failureCode}`, 'none 0');
        },
      },
      { method: 'POST', endStream: false },
    );
    stream.write(Buffer.alloc(upload.sent));
    stream.endWithTrailers([['x-sum', '1']]);
    if (!random.oneIn(8)) return stream;
    cut.add(stream.id);
    setImmediate(() => stream.reset(ErrorCode.CANCEL));
    return stream;

    function downloadOf(): Message {
      return downloads.get(stream.id) ?? assert.fail('a response to no request');
    }
  }
}
