/**
 * Everything a tunnel sends goes through here: control frames first, then the streams in turns.
 *
 * Frames are collected and handed to the carrier once per event-loop turn, or earlier when a message's worth is
 * there. When the carrier holds more than it should, it is *congested*: streams with bytes wait in the ready queue,
 * and control frames are held back here, so that a peer which does not read costs bounded memory.
 */
import { ReadyQueue, type ReadyStream } from '@culvert/flow';
import type { Carrier } from './carrier.js';
import { FrameBatch } from './encode.js';
import { MAX_DATA_BYTES } from './frame.js';

/** A batch this large is sent without waiting for the end of the turn. */
const FLUSH_BYTES = 65_536;

/** Bytes that a stream may send before the next one's turn. */
const QUANTUM_BYTES = 16_384;

export interface OutboxOwner {
  /** The peer does not read: too many control frames wait. */
  onStuck(): void;
  /** A stream's handler threw. */
  onFault(error: unknown): void;
}

export interface OutboxLimits {
  readonly highWaterBytes: number;
  readonly maxHeldControlBytes: number;
}

export class Outbox {
  /** Whether streams must wait. */
  congested = false;
  /** Bytes given to the carrier. Counted once a batch, not once a frame. */
  sentBytes = 0;
  private readonly batch = new FrameBatch();
  private flushScheduled = false;
  private closed = false;
  private readonly ready = new ReadyQueue(QUANTUM_BYTES, MAX_DATA_BYTES);

  constructor(
    private readonly carrier: Carrier,
    private readonly limits: OutboxLimits,
    private readonly owner: OutboxOwner,
  ) {}

  /** Whether so many control frames wait that no further streams should be opened: the peer has stalled. */
  get isCrowded(): boolean {
    return this.congested && this.batch.size > this.limits.maxHeldControlBytes / 2;
  }

  /** Returns the batch for one control frame. */
  control(): FrameBatch {
    if (this.batch.size >= FLUSH_BYTES) this.flush();
    this.scheduleFlush();
    return this.batch;
  }

  sendData(id: number, payload: Buffer): void {
    this.batch.data(id, payload);
    if (this.batch.size >= FLUSH_BYTES) this.flush();
    else this.scheduleFlush();
  }

  /** Gives `stream` a turn: it has bytes to send and credit, or waits for `onDrain`. */
  enqueue(stream: ReadyStream): void {
    if (this.ready.add(stream) && !this.congested) this.scheduleFlush();
  }

  /** The carrier has sent something. */
  handleSent(): void {
    if (!this.congested || this.carrier.bufferedBytes > this.limits.highWaterBytes / 2) return;
    this.congested = false;
    this.endTurn();
  }

  /** Sends everything that is collected, congested or not, then `farewell`. Sends nothing afterwards. */
  close(farewell?: (batch: FrameBatch) => void): void {
    if (this.closed) return;
    this.closed = true;
    farewell?.(this.batch);
    if (this.batch.size > 0) this.send(true);
    this.ready.clear();
  }

  private scheduleFlush(): void {
    if (this.flushScheduled) return;
    this.flushScheduled = true;
    setImmediate(this.endTurn);
  }

  private readonly endTurn = (): void => {
    this.flushScheduled = false;
    try {
      while (!this.congested && this.ready.serveNext());
      this.flush();
    } catch (error) {
      this.owner.onFault(error);
    }
  };

  private flush(): void {
    if (this.batch.size === 0 || this.closed) return;
    if (this.congested) {
      this.batch.settle();
      if (this.batch.size > this.limits.maxHeldControlBytes + FLUSH_BYTES) this.owner.onStuck();
      return;
    }
    this.send(this.carrier.bufferedBytes > 0);
    this.congested = this.carrier.bufferedBytes >= this.limits.highWaterBytes;
  }

  /** @param waits whether the bytes will wait in the carrier, so that they must not pin shared memory */
  private send(waits: boolean): void {
    this.sentBytes += this.batch.size;
    this.carrier.send(this.batch.drainPieces({ detached: waits }));
  }
}
