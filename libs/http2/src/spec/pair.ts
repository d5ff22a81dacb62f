/** Both ends of a connection against each other: whatever users do and wherever bytes are cut, messages arrive whole. */
import assert from 'node:assert/strict';
import type { ClientOwner } from '../client/call.js';
import { ClientConnection } from '../client/connection.js';
import { ClientStream } from '../client/stream.js';
import { HIGH_WATER_BYTES } from '../connection/limits.js';
import { ErrorCode } from '../frames/frame.js';
import type { HeaderField } from '../hpack/header-field.js';
import { type ConnectionOwner, ServerConnection } from '../server/connection.js';
import type { ServerStream } from '../server/stream.js';
import { CLIENT_LIMITS } from './client-rig.js';
import { LIMITS } from './connection-rig.js';
import { Random } from './random.js';

const MAX_TURNS = 5000;
const MAX_BODY_BYTES = 200_000;

/** One direction of the transport, from which bytes leave in pieces. */
class Pipe {
  isPaused = false;
  private bytes = Buffer.alloc(0);

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

/** One message. The receiving end checks that it equals the one sent. */
class Message {
  isOver = false;
  private received = 0;

  constructor(
    readonly size: number,
    private readonly trailer: string,
  ) {}

  receive(chunk: Buffer): void {
    this.received += chunk.length;
  }

  end(trailers: readonly HeaderField[]): void {
    this.isOver = true;
    assert.equal(this.received, this.size);
    assert.deepEqual(
      trailers.map(({ line }) => line),
      [this.trailer],
    );
  }
}

/** Runs requests of random sizes through both ends. Returns the verdict; throws AssertionError. */
export async function runPair(seed: number): Promise<string> {
  const pair = new Pair(new Random(seed));
  for (let turn = 0; !pair.isDone; turn++) {
    assert.ok(turn < MAX_TURNS, 'nothing is stuck');
    pair.step();
    await new Promise((resolve) => setImmediate(resolve));
  }
  pair.checkMessages();
  return 'whole';
}

class Pair {
  private readonly toServer = new Pipe();
  private readonly toClient = new Pipe();
  private readonly server: ServerConnection;
  private readonly client: ClientConnection<ClientStream>;
  private readonly uploads = new Map<number, Message>();
  private readonly downloads = new Map<number, Message>();
  /** Streams that the client resets, or the server refuses. */
  private readonly cut = new Set<number>();
  /** Streams that are resumed and paused at random. */
  private readonly streams: { resume(): void; pause(): void }[] = [];
  private requestsLeft: number;

  constructor(private readonly random: Random) {
    this.requestsLeft = random.below(12) + 1;
    const limits = { ...LIMITS, maxControlFrames: 100_000, maxResets: 1000 };
    this.server = new ServerConnection(this.serverOwner(), limits);
    this.client = new ClientConnection<ClientStream>(this.clientOwner(), {
      ...CLIENT_LIMITS,
      maxControlFrames: 100_000,
    });
    this.client.start();
  }

  get isDone(): boolean {
    return this.requestsLeft === 0 && this.client.streamCount === 0 && this.server.streamCount === 0;
  }

  /** Does some of what users and the transport may do. */
  step(): void {
    const { random, client, server, toServer, toClient } = this;
    if (this.requestsLeft > 0 && client.streamCount < LIMITS.maxStreams && random.oneIn(2)) this.request();
    for (const stream of this.streams) {
      if (!random.oneIn(2)) continue;
      stream.resume();
      if (random.oneIn(2)) stream.pause();
    }
    if (!toServer.isPaused) server.push(toServer.take(random.pick([1, 100, 5000, 100_000])));
    if (!toClient.isPaused) client.push(toClient.take(random.pick([1, 100, 5000, 100_000])));
    client.handleSent();
    server.handleSent();
  }

  checkMessages(): void {
    for (const [id, { isOver }] of [...this.uploads, ...this.downloads])
      assert.ok(isOver || this.cut.has(id), 'every message arrives whole, unless it was cut');
  }

  private serverOwner(): ConnectionOwner {
    const { toServer, toClient } = this;
    return {
      ...OWNER,
      bufferedBytes: () => toClient.size,
      write: (bytes) => toClient.write(bytes),
      pauseInput: () => void (toServer.isPaused = true),
      resumeInput: () => void (toServer.isPaused = false),
      onRequest: (stream) => this.serve(stream),
    };
  }

  private clientOwner(): ClientOwner {
    const { toServer, toClient } = this;
    return {
      ...OWNER,
      // Like a transport that knows only whether it is above a mark.
      bufferedBytes: () => (toServer.size > HIGH_WATER_BYTES ? HIGH_WATER_BYTES : 0),
      write: (bytes) => toServer.write(bytes),
      pauseInput: () => void (toClient.isPaused = true),
      resumeInput: () => void (toClient.isPaused = false),
      onSettings: () => {},
      onGoAway: () => {},
    };
  }

  private serve(stream: ServerStream): void {
    const upload = messageOf(this.uploads, stream.id);
    const download = new Message(this.random.below(MAX_BODY_BYTES), 'grpc-status: 0\r\n');
    this.downloads.set(stream.id, download);
    stream.attach({
      onData: (chunk) => upload.receive(chunk),
      onEnd: (trailers) => upload.end(trailers),
      onDrain: () => {},
      onClose: () => {},
    });
    stream.beginHeaders(200).add('x', String(this.random.below(3)));
    stream.sendHeaders({ endStream: false });
    stream.write(Buffer.alloc(download.size));
    stream.endWithTrailers([['grpc-status', '0']]);
    this.streams.push(stream);
  }

  private request(): void {
    this.requestsLeft--;
    const { client, downloads, cut } = this;
    const upload = new Message(this.random.below(MAX_BODY_BYTES), 'x-sum: 1\r\n');
    this.uploads.set(client.nextStreamId, upload);
    const encoder = client.beginHeaders();
    for (const [name, value] of REQUEST) encoder.add(name, value);
    const stream: ClientStream = ClientStream.open(
      client,
      {
        onInterim: () => {},
        onResponse: ({ status }) => assert.equal(status, 200),
        onData: (chunk) => messageOf(downloads, stream.id).receive(chunk),
        onEnd: (trailers) => messageOf(downloads, stream.id).end(trailers),
        onDrain: () => {},
        onClose: () => {
          const { failure, failureCode } = stream;
          // The server may not know yet that streams ended here, and refuse others.
          if (failure === 'refused') cut.add(stream.id);
          else assert.equal(`${failure} ${failureCode}`, 'none 0');
        },
      },
      { method: 'POST', endStream: false },
    );
    stream.write(Buffer.alloc(upload.size));
    stream.endWithTrailers([['x-sum', '1']]);
    this.streams.push(stream);
    if (!this.random.oneIn(8)) return;
    cut.add(stream.id);
    setImmediate(() => stream.reset(ErrorCode.CANCEL));
  }
}

const REQUEST = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':authority', 'a.test'],
  [':path', '/'],
] as const;

/** Common part of both owners: every failure is an error. */
const OWNER = {
  now: () => 0,
  onPong: () => {},
  onAcknowledged: () => {},
  onDrained: () => {},
  onFailed: (code: number, reason: string) => assert.fail(`failed with ${code}: ${reason}`),
  onFault: (error: unknown) => {
    throw error;
  },
};

function messageOf(messages: ReadonlyMap<number, Message>, streamId: number): Message {
  return messages.get(streamId) ?? assert.fail(`a message of stream ${streamId}, which was not begun`);
}
