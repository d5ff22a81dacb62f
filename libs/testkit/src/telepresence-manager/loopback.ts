/** A manager's side of one reverse connection, joined to the cloud's side without a network or gRPC library in between. */
import type { ReverseCarrier, ReverseCarrierHandler } from '@culvert/telepresence';
import { Deferred } from '../deferred.js';
import { type Behaviour, behaviourOf, type Faults } from './behaviour.js';
import { InnerServer } from './inner-server.js';
import { InterceptTable } from './intercept-table.js';
import { type ChunkSink, ReversedStream } from './reversed-stream.js';
import { decodeMessage, encodeBytes, framed, MessageSplitter } from './schema.js';

/** Bytes in flight at which the carrier asks its user to wait. */
const HIGH_WATER_BYTES = 262_144;

export interface LoopbackOptions {
  /** Default: v2.14.0. */
  readonly version?: string;
  readonly faults?: Faults;
  readonly behaviour?: Partial<Behaviour>;
  /** Size of the next piece in which the cloud receives the manager's bytes. Default: as sent. */
  readonly pieceBytes?: () => number;
  readonly table?: InterceptTable;
}

export class LoopbackManager implements ReverseCarrier, ChunkSink {
  readonly table: InterceptTable;
  readonly server: InnerServer;
  /** Lengths of the Chunks received from the cloud. */
  readonly chunkLengths: number[] = [];
  /** How the cloud ended the call. */
  readonly ended = new Deferred<{ readonly status: number; readonly message: string }>();
  /** The reason the manager would have crashed, and calls that the cloud must not make. */
  readonly mistakes: string[] = [];
  readonly removedDomains: string[] = [];
  /** The highest number of bytes in flight to the manager. */
  peakBytes = 0;
  private handler: ReverseCarrierHandler | null = null;
  private readonly transport: ReversedStream;
  private readonly fromCloud = new MessageSplitter((message) => this.receive(message));
  private toManager: Buffer[] = [];
  private toManagerBytes = 0;
  private wantsDrain = false;
  private toCloud: { readonly bytes: Buffer; readonly done: () => void }[] = [];
  private isPaused = false;
  private isOver = false;

  constructor(private readonly options: LoopbackOptions = {}) {
    const behaviour = { ...behaviourOf(options.version ?? 'v2.14.0'), ...options.behaviour };
    const faults = options.faults ?? {};
    this.table = options.table ?? new InterceptTable();
    this.server = new InnerServer(this.table, behaviour, faults, {
      removeDomain: async (domain) => void this.removedDomains.push(domain),
      crash: (reason) => {
        this.mistakes.push(reason);
        this.die();
      },
      noteCall: (path) => this.mistakes.push(path),
    });
    this.transport = new ReversedStream(this, behaviour, faults, () => this.server.serve(this.transport));
  }

  // --- The cloud's side -----------------------------------------------------------------------------------

  start(handler: ReverseCarrierHandler): void {
    this.handler = handler;
    const { garbage } = this.options.faults ?? {};
    if (garbage) this.sendRaw(garbage);
    // Managers that send first have sent, perhaps long ago.
    setImmediate(() => this.flushToCloud());
  }

  write(bytes: Buffer): boolean {
    if (this.isOver) return false;
    if (this.toManagerBytes === 0) setImmediate(() => this.deliver());
    this.toManager.push(bytes);
    this.toManagerBytes += bytes.length;
    this.peakBytes = Math.max(this.peakBytes, this.toManagerBytes);
    this.wantsDrain = this.toManagerBytes >= HIGH_WATER_BYTES;
    return !this.wantsDrain;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    setImmediate(() => this.flushToCloud());
  }

  end(status: number, message: string): void {
    if (this.isOver) return;
    this.deliver();
    this.isOver = true;
    this.ended.resolve({ status, message });
    this.close();
  }

  // --- The manager's side ---------------------------------------------------------------------------------

  sendChunk(content: readonly Buffer[], done: () => void): void {
    this.toCloud.push({ bytes: framed(encodeBytes(1, content)), done });
    if (this.toCloud.length === 1) setImmediate(() => this.flushToCloud());
  }

  /** Raw bytes of the call, framed or not. */
  sendRaw(bytes: Buffer): void {
    setImmediate(() => {
      if (!this.isOver) this.handler?.onData(bytes);
    });
  }

  onServerClosed(): void {
    if (!this.isOver) setImmediate(() => this.handler?.onEnd());
  }

  /** The connection below is lost. */
  die(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.close();
    this.handler?.onClose('the connection was lost');
  }

  private deliver(): void {
    const bytes = this.toManager;
    this.toManager = [];
    this.toManagerBytes = 0;
    if (this.isOver) return;
    for (const piece of bytes) this.fromCloud.push(piece);
    if (!this.wantsDrain) return;
    this.wantsDrain = false;
    this.handler?.onDrain();
  }

  private receive(message: Buffer): void {
    const { content } = decodeMessage('Chunk', message) as { content: Buffer };
    this.chunkLengths.push(content.length);
    this.transport.receiveChunk(Buffer.from(content));
  }

  private flushToCloud(): void {
    const { pieceBytes } = this.options;
    while (this.handler !== null && !this.isPaused && !this.isOver) {
      const next = this.toCloud.shift();
      if (next === undefined) return;
      const { bytes, done } = next;
      for (let at = 0; at < bytes.length && !this.isOver;) {
        const length = pieceBytes ? pieceBytes() : bytes.length;
        // The receiver owns its pieces: none may refer to a buffer of this side.
        this.handler.onData(Buffer.from(bytes.subarray(at, at + length)));
        at += length;
      }
      done();
    }
  }

  private close(): void {
    this.server.close();
    this.transport.destroy();
  }
}
