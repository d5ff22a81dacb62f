/**
 * The output of one connection: frames are collected and written once per event-loop turn, or earlier when a message's worth
 * is there. Streams with bytes to send take turns.
 *
 * When the transport holds more than it should, the output is *congested*: streams wait in the ready queue, frames without
 * flow control are held back here, and when these become many, nothing more is read.
 */
import { ReadyQueue, type ReadyStream } from '@culvert/flow';
import { windowOverflow } from '../frames/errors.js';
import { FrameBatch } from '../frames/frame-batch.js';
import { INITIAL_FRAME_BYTES, INITIAL_WINDOW_BYTES, MAX_WINDOW_BYTES } from '../frames/frame.js';
import { HIGH_WATER_BYTES, MAX_HELD_BYTES } from './limits.js';
import type { PeerRates } from './peer-rates.js';

/** The transport of a connection. */
export interface OutputSink {
  /** Bytes that were written and have not left. A sink that knows only whether it is above its high-water mark reports `HIGH_WATER_BYTES` or 0. */
  bufferedBytes(): number;
  /** Accepts bytes, which never change afterwards. */
  write(bytes: Buffer): void;
  /**
   * Called when reading must stop because the peer does not read the answers, and when it may resume. Both calls may come
   * while a stream is opened or written to. Streams must not be ended before that call returns.
   */
  pauseInput(): void;
  resumeInput(): void;
}

/** Options of an output, for transports that need other than the defaults. */
export interface OutputOptions {
  /** Bytes reserved at the start of each written piece, which the sink may fill in; default 0. */
  readonly headroomBytes?: number;
  /** Credit of the connection below which streams wait; default 1. It is larger where a stream's messages cannot be cut anywhere. */
  readonly minCreditBytes?: number;
}

/** The connection as its output uses it. */
export interface OutputHost {
  /** A stream threw during its turn, which it must never do. */
  handleFault(error: unknown): void;
}

/** A batch this large is written without waiting for the end of the turn. */
const FLUSH_BYTES = 65_536;

export class Output {
  /** Credit of this side for all streams together. */
  sendWindow = INITIAL_WINDOW_BYTES;
  private readonly batch: FrameBatch;
  private readonly minCreditBytes: number;
  private readonly ready = new ReadyQueue(INITIAL_FRAME_BYTES, FLUSH_BYTES);
  private isFlushScheduled = false;
  private isCongested = false;
  private isInputPaused = false;
  private isClosed = false;

  constructor(
    private readonly sink: OutputSink,
    private readonly rates: PeerRates,
    private readonly host: OutputHost,
    { headroomBytes = 0, minCreditBytes = 1 }: OutputOptions = {},
  ) {
    this.batch = new FrameBatch(headroomBytes);
    this.minCreditBytes = minCreditBytes;
  }

  /** Whether a stream may send in its turn. */
  get hasRoom(): boolean {
    return !this.isCongested && this.sendWindow >= this.minCreditBytes;
  }

  /** Whether a stream need not wait for its turn. */
  get maySendAtOnce(): boolean {
    return this.ready.isEmpty && !this.isCongested;
  }

  /** Returns the batch for a frame that is not flow-controlled. */
  frames(): FrameBatch {
    if (this.batch.size >= FLUSH_BYTES) this.flush();
    this.scheduleFlush();
    return this.batch;
  }

  /** Adds DATA, for which there must be credit. @param payload at most INITIAL_FRAME_BYTES, not changed afterwards */
  sendData(streamId: number, payload: Buffer, flags: number): void {
    this.sendWindow -= payload.length;
    this.rates.noteSentData();
    this.batch.data(streamId, payload, flags);
    if (this.batch.size >= FLUSH_BYTES) this.flush();
    else this.scheduleFlush();
  }

  /** Adds DATA of two pieces, as `FrameBatch.message`. There must be credit for both. */
  sendMessage(streamId: number, head: Buffer, headBytes: number, payload: Buffer): void {
    this.sendWindow -= headBytes + payload.length;
    this.rates.noteSentData();
    this.batch.message(streamId, head, headBytes, payload);
    if (this.batch.size >= FLUSH_BYTES) this.flush();
    else this.scheduleFlush();
  }

  /** Gives `stream` a turn: it has bytes to send, and a window. */
  enqueue(stream: ReadyStream): void {
    if (this.ready.add(stream) && this.hasRoom) this.scheduleFlush();
  }

  /** The peer opened the window of the connection. Throws Http2Error when that is too far (RFC 9113 §6.9.1). */
  widen(increment: number): void {
    this.sendWindow += increment;
    if (this.sendWindow > MAX_WINDOW_BYTES) windowOverflow();
    if (!this.ready.isEmpty) this.scheduleFlush();
  }

  /** Written bytes have left. */
  handleSent(): void {
    if (!this.isCongested || this.sink.bufferedBytes() > HIGH_WATER_BYTES / 2) return;
    this.isCongested = false;
    this.endTurn();
    if (this.isInputPaused && this.batch.size === 0) {
      this.isInputPaused = false;
      this.sink.resumeInput();
    }
  }

  /** Writes the collected frames, unless the output is congested. */
  flush(): void {
    if (this.batch.size === 0 || this.isClosed) return;
    if (this.isCongested) {
      this.batch.settle();
      if (this.batch.size > MAX_HELD_BYTES && !this.isInputPaused) {
        this.isInputPaused = true;
        this.sink.pauseInput();
      }
      return;
    }
    this.sink.write(this.batch.drain({ detached: this.sink.bufferedBytes() > 0 }));
    this.isCongested = this.sink.bufferedBytes() >= HIGH_WATER_BYTES;
  }

  /** Writes the collected frames, congested or not, and nothing afterwards. */
  finish(): void {
    if (this.isClosed) return;
    this.close();
    if (this.batch.size > 0) this.sink.write(this.batch.drain({ detached: true }));
  }

  /** Stops writing. */
  close(): void {
    this.isClosed = true;
    this.ready.clear();
  }

  private scheduleFlush(): void {
    if (this.isFlushScheduled || this.isClosed) return;
    this.isFlushScheduled = true;
    setImmediate(this.endTurn);
  }

  private readonly endTurn = (): void => {
    this.isFlushScheduled = false;
    if (this.isClosed) return;
    try {
      while (this.hasRoom && this.ready.serveNext());
      this.flush();
    } catch (error) {
      this.host.handleFault(error);
    }
  };
}
