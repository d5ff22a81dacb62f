/**
 * One request and its response (RFC 9113 §5). Input that is not wanted yet waits here, bounded by the stream's window;
 * output waits for windows, for its turn, and for the socket, and its writer is told to pause.
 */
import { ByteQueue, type ReadyStream, ReceiveWindow } from '@culvert/flow';
import type { FrameBatch } from '../frames/frame-batch.js';
import {
  ErrorCode,
  Flag,
  INITIAL_WINDOW_BYTES,
  INITIAL_FRAME_BYTES,
  MAX_WINDOW_BYTES,
} from '../frames/frame.js';
import type { HeaderField } from '../hpack/header-field.js';
import type { HpackEncoder } from '../hpack/encoder.js';
import { STREAM_BUFFER_BYTES } from './limits.js';

/**
 * RFC 9113 §5.1, as a server that pushes nothing sees it.
 * - `open`: both sides may send
 * - `halfClosedRemote`: the request is complete
 * - `halfClosedLocal`: the response is complete, the request is not
 * - `finishing`: both are complete, and the end of the request waits to be wanted
 * - `closed`: over, or reset by either side
 */
type State = 'open' | 'halfClosedRemote' | 'halfClosedLocal' | 'finishing' | 'closed';

/** Who serves a stream. */
export interface StreamHandler {
  /** Bytes of the request body. They stay as they are. Only while the stream is not paused. */
  onData(chunk: Buffer): void;
  /** The request is complete. */
  onEnd(trailers: readonly HeaderField[]): void;
  /** `write` returned false, and there is room again. */
  onDrain(): void;
  /** The stream is over, however it ended. Nothing follows. */
  onClose(): void;
}

/** What a stream needs of its connection. */
export interface StreamHost {
  readonly encoder: HpackEncoder;
  /** Bytes that may be sent on all streams together. */
  readonly sendWindow: number;
  /** Whether a stream need not wait for its turn. */
  readonly maySendAtOnce: boolean;
  /** Returns where to add a frame that is not flow-controlled. */
  frames(): FrameBatch;
  sendData(streamId: number, payload: Buffer, flags: number): void;
  /** Gives `stream` a turn: it has bytes to send, and a window. */
  enqueue(stream: ServerStream): void;
  /** Reserves bytes by which a window of `windowBytes` may grow now: at most as much again. */
  takeExtra(windowBytes: number): number;
  /** Reserves everything that windows of this connection may still grow by, whose own window becomes as large with it. */
  takeAllExtra(windowBytes: number): number;
  /** The stream is over. @param extraBytes what its window grew by */
  forget(stream: ServerStream, extraBytes: number, options: { readonly isPeerDone: boolean }): void;
}

export type Trailers = readonly (readonly [name: string, value: string])[];

const NO_TRAILERS: readonly HeaderField[] = Object.freeze([]);
const EMPTY = Buffer.alloc(0);

/** Of requests without a body, which is most of them. */
const NO_WINDOW = new ReceiveWindow(0);

export class ServerStream implements ReadyStream {
  /** Links of the connection's queue. */
  nextReady: ReadyStream | null = null;
  isReady = false;
  /** Bytes of the response body that have left for the socket. */
  sentBytes = 0;

  private handler: StreamHandler | null = null;
  private state: State;
  private isPaused = true;
  private isDelivering = false;
  private readonly input = new ByteQueue();
  private heldTrailers: readonly HeaderField[] | null = null;
  private readonly window: ReceiveWindow;

  private readonly output = new ByteQueue();
  private isEnding = false;
  private isEndSent = false;
  private trailers: Trailers | null = null;
  private isDrainAwaited = false;
  /** What the stream is reset with once the output has left; null: it is not broken off. */
  private breakCode: ErrorCode | null = null;

  constructor(
    private readonly connection: StreamHost,
    readonly id: number,
    /** What this side may send. May be negative (§6.9.2). */
    private sendWindow: number,
    isRequestDone: boolean,
    /** Bytes of the body that are still to come, or -1 when the request does not say. */
    private bodyBytesLeft: number,
  ) {
    this.state = isRequestDone ? 'halfClosedRemote' : 'open';
    this.window = isRequestDone ? NO_WINDOW : new ReceiveWindow(INITIAL_WINDOW_BYTES);
  }

  get isClosed(): boolean {
    return this.state === 'closed';
  }

  /** Whether END_STREAM has left, so that the response is complete for the peer. */
  get isResponseSent(): boolean {
    return this.isEndSent;
  }

  // --- For who serves the stream --------------------------------------------------------------------------

  /** Says who gets the events. Input waits until `resume`. */
  attach(handler: StreamHandler): void {
    this.handler = handler;
  }

  pause(): void {
    this.isPaused = true;
  }

  /** Gives the handler what waits, and then what comes. */
  resume(): void {
    this.isPaused = false;
    this.deliver();
  }

  /**
   * Opens the window as far as the connection's budget goes, which other streams then do without: for a request that is
   * as long-lived as its connection, and whose bytes are taken as they come.
   */
  openWindow(): void {
    if (this.state !== 'open' && this.state !== 'halfClosedLocal') return;
    const extra = this.connection.takeAllExtra(this.window.size);
    if (extra === 0) return;
    this.window.widen(extra);
    this.connection.frames().windowUpdate(this.id, extra);
  }

  /** Begins the block of a response, interim or final. Fields follow, then `sendHeaders`, with nothing in between. */
  beginHeaders(status: number): HpackEncoder {
    const { encoder } = this.connection;
    encoder.begin();
    encoder.status(status);
    return encoder;
  }

  /** Sends the block that was begun. */
  sendHeaders(options: { readonly endStream: boolean }): void {
    if (this.state === 'closed') throw new Error('headers on a closed stream');
    const { connection } = this;
    const { encoder } = connection;
    const flags = options.endStream ? Flag.END_STREAM : 0;
    connection.frames().headers(this.id, encoder.bytes, encoder.length, flags);
    if (!options.endStream) return;
    this.isEnding = true;
    this.closeLocal();
  }

  /**
   * Sends bytes of the body, which must not change any more. Returns false when more should wait for `onDrain`. Does
   * nothing once the response has ended.
   */
  write(chunk: Buffer): boolean {
    if (this.state === 'closed' || this.isEnding) return true;
    this.send(chunk);
    if (this.output.size < STREAM_BUFFER_BYTES) return true;
    this.isDrainAwaited = true;
    return false;
  }

  /** Ends the response, after `body`. */
  end(body: Buffer = EMPTY): void {
    if (this.state === 'closed' || this.isEnding) return;
    this.isEnding = true;
    if (body.length > 0) this.send(body);
    else if (this.output.size === 0) this.sendEnd();
  }

  /** Ends the response with trailers, in lower case. */
  endWithTrailers(trailers: Trailers): void {
    if (this.state === 'closed' || this.isEnding) return;
    if (trailers.length > 0) this.trailers = trailers;
    this.end();
  }

  /**
   * Ends the stream with an error, behind what was written: of a response that breaks off the peer gets what there is.
   * Waits for the peer's windows like all output; `reset` does not.
   */
  breakOff(code: ErrorCode): void {
    if (this.state === 'closed') return;
    this.isEnding = true;
    this.breakCode = code;
    if (this.output.size === 0) this.reset(code);
  }

  /** Ends the stream at once. What waits is not sent. */
  reset(code: ErrorCode): void {
    if (this.state === 'closed') return;
    this.connection.frames().reset(this.id, code);
    this.close();
  }

  // --- For the connection: input --------------------------------------------------------------------------

  /**
   * A DATA frame with `chunk` came.
   * @param frameBytes what it counts for in windows: padding included
   */
  handleData(chunk: Buffer, frameBytes: number, isLast: boolean): void {
    if (this.isInputDone) {
      this.reset(ErrorCode.STREAM_CLOSED);
      return;
    }
    if (!this.window.receive(frameBytes)) {
      this.reset(ErrorCode.FLOW_CONTROL_ERROR);
      return;
    }
    if (!this.countBody(chunk.length, isLast)) {
      this.reset(ErrorCode.PROTOCOL_ERROR);
      return;
    }
    if (this.isPaused || this.isDelivering || this.input.size > 0) this.input.pushJoined(chunk);
    else if (chunk.length > 0) this.pass(chunk);
    if (frameBytes > chunk.length) this.credit(frameBytes - chunk.length);
    if (isLast) this.handleEnd(NO_TRAILERS);
  }

  /** Trailers came: the request is complete. */
  handleTrailers(trailers: readonly HeaderField[]): void {
    if (this.isInputDone) this.reset(ErrorCode.STREAM_CLOSED);
    else if (!this.countBody(0, true)) this.reset(ErrorCode.PROTOCOL_ERROR);
    else this.handleEnd(trailers);
  }

  /** The peer reset the stream, or its connection is gone. */
  handleReset(): void {
    if (this.state !== 'closed') this.close();
  }

  // --- For the connection: output -------------------------------------------------------------------------

  /** The peer opened the window, or changed the size of all. Returns false when it overflows (§6.9.1). */
  widen(bytes: number): boolean {
    this.sendWindow += bytes;
    if (this.sendWindow > MAX_WINDOW_BYTES) return false;
    if (this.output.size > 0 && this.sendWindow > 0) this.connection.enqueue(this);
    return true;
  }

  /** Sends up to `quantum` bytes of what waits. */
  serve(quantum: number): void {
    if (this.state === 'closed') return;
    let left = quantum;
    while (this.output.size > 0 && left > 0) {
      const room = Math.min(left, INITIAL_FRAME_BYTES, this.sendWindow, this.connection.sendWindow);
      if (room <= 0) break;
      const piece = this.output.take(room);
      left -= piece.length;
      this.sendPiece(piece);
    }
    if (this.isDrainAwaited && this.output.size <= STREAM_BUFFER_BYTES / 2) {
      this.isDrainAwaited = false;
      this.handler?.onDrain();
    }
    if (this.output.size > 0 && this.sendWindow > 0) this.connection.enqueue(this);
  }

  // --- Input ----------------------------------------------------------------------------------------------

  /** Whether the peer has ended its side. */
  get isInputDone(): boolean {
    return this.state === 'halfClosedRemote' || this.state === 'finishing';
  }

  private pass(chunk: Buffer): void {
    // Credit also when the handler pauses: these bytes it has.
    this.handler?.onData(chunk);
    this.credit(chunk.length);
  }

  /** Counts bytes of the body against `content-length` (§8.1.1). Returns whether they can be right. */
  private countBody(bytes: number, isLast: boolean): boolean {
    if (this.bodyBytesLeft < 0) return true;
    this.bodyBytesLeft -= bytes;
    return isLast ? this.bodyBytesLeft === 0 : this.bodyBytesLeft >= 0;
  }

  private handleEnd(trailers: readonly HeaderField[]): void {
    // The handler may have ended the stream.
    if (this.isOver()) return;
    this.state = this.state === 'open' ? 'halfClosedRemote' : 'finishing';
    this.heldTrailers = trailers;
    this.deliver();
  }

  private deliver(): void {
    if (this.isDelivering) return;
    this.isDelivering = true;
    while (!this.isPaused && this.input.size > 0) {
      const chunk = this.input.take(this.input.size);
      this.pass(chunk);
    }
    this.isDelivering = false;
    const trailers = this.heldTrailers;
    if (this.isPaused || trailers === null || this.isOver()) return;
    this.heldTrailers = null;
    this.handler?.onEnd(trailers);
    if (this.isFinishing()) this.close();
  }

  /** Bytes were taken: tells the peer in large enough steps, and widens the window as far as the budget goes. */
  private credit(bytes: number): void {
    if (this.state !== 'open' && this.state !== 'halfClosedLocal') return;
    const { connection, window } = this;
    if (!window.consume(bytes)) return;
    const credit = window.grant(connection.takeExtra(window.size));
    connection.frames().windowUpdate(this.id, credit);
  }

  // --- Output ---------------------------------------------------------------------------------------------

  private send(chunk: Buffer): void {
    const { connection } = this;
    const isAlone = this.output.size === 0 && connection.maySendAtOnce;
    if (isAlone && chunk.length <= Math.min(INITIAL_FRAME_BYTES, this.sendWindow, connection.sendWindow)) {
      this.sendPiece(chunk);
      return;
    }
    this.output.pushJoined(chunk);
    if (this.sendWindow > 0) connection.enqueue(this);
  }

  private sendPiece(piece: Buffer): void {
    const isLast =
      this.isEnding && this.output.size === 0 && this.trailers === null && this.breakCode === null;
    this.sendWindow -= piece.length;
    this.sentBytes += piece.length;
    this.connection.sendData(this.id, piece, isLast ? Flag.END_STREAM : 0);
    if (isLast) this.closeLocal();
    else if (this.isEnding && this.output.size === 0) this.sendEnd();
  }

  private sendEnd(): void {
    const { connection, trailers } = this;
    if (this.breakCode !== null) {
      this.reset(this.breakCode);
      return;
    }
    if (trailers === null) {
      connection.frames().data(this.id, EMPTY, Flag.END_STREAM);
    } else {
      const { encoder } = connection;
      encoder.begin();
      for (const [name, value] of trailers) encoder.add(name, value);
      connection.frames().headers(this.id, encoder.bytes, encoder.length, Flag.END_STREAM);
    }
    this.closeLocal();
  }

  // --- Ends -----------------------------------------------------------------------------------------------

  private closeLocal(): void {
    this.isEndSent = true;
    if (this.state === 'open') this.state = 'halfClosedLocal';
    else if (this.heldTrailers !== null) this.state = 'finishing';
    else this.close();
  }

  private close(): void {
    const isPeerDone = this.isInputDone;
    this.state = 'closed';
    this.input.clear();
    this.output.clear();
    this.heldTrailers = null;
    this.connection.forget(this, this.window.shrink(), { isPeerDone });
    this.handler?.onClose();
  }

  /** A handler may close the stream from within a call: asks again, past what the compiler thinks it knows. */
  private isOver(): boolean {
    return this.state === 'closed';
  }

  private isFinishing(): boolean {
    return this.state === 'finishing';
  }
}
