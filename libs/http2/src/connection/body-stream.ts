/**
 * One stream, at either end (RFC 9113 §5): the bodies of its two messages. Input of a paused stream waits
 * here, bounded by the stream's window; output waits for windows, for its turn and for the transport, and its writer is
 * notified when it should pause. Subclasses handle heads.
 */
import { ByteQueue, type ReadyStream, ReceiveWindow } from '@culvert/flow';
import { type ErrorCode, Flag, INITIAL_FRAME_BYTES, MAX_WINDOW_BYTES } from '../frames/frame.js';
import type { HpackEncoder } from '../hpack/encoder.js';
import type { HeaderField } from '../hpack/header-field.js';
import { STREAM_BUFFER_BYTES } from './limits.js';
import type { Output } from './output.js';
import { mayFollow, StreamState } from './stream-state.js';

const S = StreamState;

/** Implemented by the user of a stream. */
export interface BodyHandler {
  /** Receives bytes of the peer's body. They stay as they are. Only while the stream is not paused. */
  onData(chunk: Buffer): void;
  /** The peer's message is complete. */
  onEnd(trailers: readonly HeaderField[]): void;
  /** `write` returned false, and there is room again. */
  onDrain(): void;
  /** The stream is over, however it ended. Nothing follows. */
  onClose(): void;
}

/** The connection as its streams use it. */
export interface BodyHost<S> {
  readonly encoder: HpackEncoder;
  readonly output: Output;
  /** Reserves bytes by which a window of `windowBytes` may grow now: at most as much again. */
  reserveExtra(windowBytes: number): number;
  /** The stream is over. @param extraBytes growth of its window */
  forget(stream: S, extraBytes: number, options: { readonly isPeerDone: boolean }): void;
}

export type Trailers = readonly (readonly [name: string, value: string])[];

const NO_TRAILERS: readonly HeaderField[] = Object.freeze([]);
const EMPTY = Buffer.alloc(0);

/** The window of streams whose peer sends no body, which is most of them. */
const NO_WINDOW = new ReceiveWindow(0);

export interface BodyStreamOptions {
  /** Credit of this side. May be negative (§6.9.2). */
  readonly sendWindow: number;
  /** Credit of the peer. */
  readonly windowBytes: number;
  /** OPEN, or half-closed when the head was all of a message. */
  readonly state: StreamState;
  /** Bytes of the peer's body that are still to come, or -1 when that is not known. */
  readonly bodyBytesLeft: number;
}

export abstract class BodyStream<Handler extends BodyHandler> implements ReadyStream {
  /** Links of the connection's queue. */
  nextReady: ReadyStream | null = null;
  isReady = false;
  /** Bytes of this side's body that have left for the transport. */
  sentBytes = 0;

  protected handler: Handler | null = null;
  protected bodyBytesLeft: number;
  protected readonly window: ReceiveWindow;
  private state: StreamState;
  private isPaused = true;
  private isDelivering = false;
  private readonly input = new ByteQueue();
  private heldTrailers: readonly HeaderField[] | null = null;

  private sendWindow: number;
  private readonly output = new ByteQueue();
  private isEnding: boolean;
  private isEndSent: boolean;
  private trailers: Trailers | null = null;
  private isDrainAwaited = false;
  /** Error code with which the stream is reset once the output has left, or null. */
  private breakCode: ErrorCode | null = null;

  constructor(
    private readonly host: BodyHost<BodyStream<Handler>>,
    readonly id: number,
    { sendWindow, windowBytes, state, bodyBytesLeft }: BodyStreamOptions,
  ) {
    this.sendWindow = sendWindow;
    this.state = state;
    this.bodyBytesLeft = bodyBytesLeft;
    this.isEnding = state === S.HALF_CLOSED_LOCAL;
    this.isEndSent = this.isEnding;
    this.window = state === S.HALF_CLOSED_REMOTE ? NO_WINDOW : new ReceiveWindow(windowBytes);
  }

  get isClosed(): boolean {
    return this.state === S.CLOSED;
  }

  /** DATA that the peer may still send. */
  get receiveCreditBytes(): number {
    return this.window.creditBytes;
  }

  /** Whether END_STREAM has left, so that this side's message is complete for the peer. */
  get isSent(): boolean {
    return this.isEndSent;
  }

  /** Whether the peer has ended its side. */
  get isInputDone(): boolean {
    return this.state === S.HALF_CLOSED_REMOTE || this.state === S.FINISHING;
  }

  // --- For the user of the stream -------------------------------------------------------------------------

  /** Sets the receiver of events. Input waits until `resume`. */
  attach(handler: Handler): void {
    this.handler = handler;
  }

  pause(): void {
    this.isPaused = true;
  }

  /** Delivers waiting input to the handler, then input as it comes. */
  resume(): void {
    this.isPaused = false;
    this.deliver();
  }

  /**
   * Sends bytes of the body, which must not change afterwards. Returns false when more should wait for `onDrain`. Does
   * nothing once the message has ended.
   */
  write(chunk: Buffer): boolean {
    if (this.state === S.CLOSED || this.isEnding) return true;
    this.send(chunk);
    if (this.output.size < STREAM_BUFFER_BYTES) return true;
    this.isDrainAwaited = true;
    return false;
  }

  /** Ends the message, after `body`. */
  end(body: Buffer = EMPTY): void {
    if (this.state === S.CLOSED || this.isEnding) return;
    this.isEnding = true;
    if (body.length > 0) this.send(body);
    else if (this.output.size === 0) this.sendEnd();
  }

  /** Ends the message with trailers, in lower case. */
  endWithTrailers(trailers: Trailers): void {
    if (this.state === S.CLOSED || this.isEnding) return;
    if (trailers.length > 0) this.trailers = trailers;
    this.end();
  }

  /**
   * Ends the stream with an error after the bytes that were written, so that the peer receives all of them.
   * Waits for the peer's windows like all output; `reset` does not.
   */
  breakOff(code: ErrorCode): void {
    if (this.state === S.CLOSED) return;
    this.isEnding = true;
    this.breakCode = code;
    if (this.output.size === 0) this.reset(code);
  }

  /** Ends the stream at once and drops waiting output. */
  reset(code: ErrorCode): void {
    if (this.state === S.CLOSED) return;
    this.host.output.frames().reset(this.id, code);
    this.close();
  }

  // --- For the connection ---------------------------------------------------------------------------------

  /** The peer broke a rule in a way that ends this stream only (§5.4.2). */
  handleViolation(code: ErrorCode): void {
    this.reset(code);
  }

  /** The peer reset the stream. */
  handleReset(_code: number): void {
    if (this.state !== S.CLOSED) this.close();
  }

  /** The connection is gone. */
  handleLost(): void {
    if (this.state !== S.CLOSED) this.close();
  }

  /** The peer opened the window, or changed the size of all. Returns false when it overflows (§6.9.1). */
  widen(bytes: number): boolean {
    this.sendWindow += bytes;
    if (this.sendWindow > MAX_WINDOW_BYTES) return false;
    if (this.output.size > 0 && this.sendWindow > 0) this.host.output.enqueue(this);
    return true;
  }

  /** Sends up to `quantum` bytes of waiting output. */
  serve(quantum: number): void {
    if (this.state === S.CLOSED) return;
    const { output } = this.host;
    let left = quantum;
    while (this.output.size > 0 && left > 0) {
      const room = Math.min(left, INITIAL_FRAME_BYTES, this.sendWindow, output.sendWindow);
      if (room <= 0) break;
      const piece = this.output.shift(room);
      left -= piece.length;
      this.sendPiece(piece);
    }
    if (this.isDrainAwaited && this.output.size <= STREAM_BUFFER_BYTES / 2) {
      this.isDrainAwaited = false;
      this.handler?.onDrain();
    }
    if (this.output.size > 0 && this.sendWindow > 0) output.enqueue(this);
  }

  // --- Input, for the classes that extend this one --------------------------------------------------------

  /** Counts bytes of the peer's body against `content-length` (§8.1.1). Returns whether they can be right. */
  protected countBody(bytes: number, isLast: boolean): boolean {
    if (this.bodyBytesLeft < 0) return true;
    this.bodyBytesLeft -= bytes;
    return isLast ? this.bodyBytesLeft === 0 : this.bodyBytesLeft >= 0;
  }

  /** Passes bytes of the peer's body on, or keeps them while the stream is paused. */
  protected accept(chunk: Buffer): void {
    if (this.isPaused || this.isDelivering || this.input.size > 0) this.hold(this.input, chunk);
    else if (chunk.length > 0) this.pass(chunk);
  }

  /** Keeps bytes until the stream is resumed. */
  protected hold(input: ByteQueue, chunk: Buffer): void {
    input.pushJoined(chunk);
  }

  /** Bytes were consumed: grants them to the peer in large enough steps, and widens the window as far as the budget goes. */
  protected credit(bytes: number): void {
    if (this.state !== S.OPEN && this.state !== S.HALF_CLOSED_LOCAL) return;
    const { host, window } = this;
    if (!window.consume(bytes)) return;
    const credit = window.grant(host.reserveExtra(window.size));
    host.output.frames().windowUpdate(this.id, credit);
  }

  /** The peer has ended its side. */
  protected endInput(trailers: readonly HeaderField[] = NO_TRAILERS): void {
    // The handler may have ended the stream.
    if (this.isClosed) return;
    this.transition(this.state === S.OPEN ? S.HALF_CLOSED_REMOTE : S.FINISHING);
    this.heldTrailers = trailers;
    this.deliver();
  }

  /** The peer no longer wants this side's message. The peer's own message is complete and may still be read. */
  protected abandonOutput(): void {
    if (this.state !== S.HALF_CLOSED_REMOTE) return;
    this.isEnding = true;
    this.output.clear();
    if (this.heldTrailers !== null) this.transition(S.FINISHING);
    else this.close();
  }

  private pass(chunk: Buffer): void {
    // Grants credit even when the handler has paused: it has received these bytes.
    this.handler?.onData(chunk);
    this.credit(chunk.length);
  }

  private deliver(): void {
    if (this.isDelivering) return;
    this.isDelivering = true;
    while (!this.isPaused && this.input.size > 0) {
      const chunk = this.input.shift(this.input.size);
      this.pass(chunk);
    }
    this.isDelivering = false;
    const trailers = this.heldTrailers;
    if (this.isPaused || trailers === null || this.isClosed) return;
    this.heldTrailers = null;
    this.handler?.onEnd(trailers);
    if (this.isFinishing()) this.close();
  }

  // --- Output ---------------------------------------------------------------------------------------------

  /** Sends the block that was begun. */
  protected sendBlock(endStream: boolean): void {
    const { encoder, output } = this.host;
    output.frames().headers(this.id, encoder.bytes, encoder.length, endStream ? Flag.END_STREAM : 0);
    if (!endStream) return;
    this.isEnding = true;
    this.closeLocal();
  }

  private send(chunk: Buffer): void {
    const { output } = this.host;
    const isAlone = this.output.size === 0 && output.maySendAtOnce;
    if (isAlone && chunk.length <= Math.min(INITIAL_FRAME_BYTES, this.sendWindow, output.sendWindow)) {
      this.sendPiece(chunk);
      return;
    }
    this.output.pushJoined(chunk);
    if (this.sendWindow > 0) output.enqueue(this);
  }

  private sendPiece(piece: Buffer): void {
    const isLast =
      this.isEnding && this.output.size === 0 && this.trailers === null && this.breakCode === null;
    this.sendWindow -= piece.length;
    this.sentBytes += piece.length;
    this.host.output.sendData(this.id, piece, isLast ? Flag.END_STREAM : 0);
    if (isLast) this.closeLocal();
    else if (this.isEnding && this.output.size === 0) this.sendEnd();
  }

  private sendEnd(): void {
    const { host, trailers } = this;
    if (this.breakCode !== null) {
      this.reset(this.breakCode);
      return;
    }
    if (trailers === null) {
      host.output.frames().data(this.id, EMPTY, Flag.END_STREAM);
    } else {
      const { encoder } = host;
      encoder.begin();
      for (const [name, value] of trailers) encoder.add(name, value);
      host.output.frames().headers(this.id, encoder.bytes, encoder.length, Flag.END_STREAM);
    }
    this.closeLocal();
  }

  // --- Ends -----------------------------------------------------------------------------------------------

  private closeLocal(): void {
    this.isEndSent = true;
    if (this.state === S.OPEN) this.transition(S.HALF_CLOSED_LOCAL);
    else if (this.heldTrailers !== null) this.transition(S.FINISHING);
    else this.close();
  }

  private close(): void {
    const isPeerDone = this.isInputDone;
    this.transition(S.CLOSED);
    this.input.clear();
    this.output.clear();
    this.heldTrailers = null;
    this.host.forget(this, this.window.shrink(), { isPeerDone });
    this.handler?.onClose();
  }

  private transition(to: StreamState): void {
    if (!mayFollow(this.state, to)) throw new Error(`a stream cannot go from state ${this.state} to ${to}`);
    this.state = to;
  }

  /** Reads the state again, because a handler may close the stream from within a call and the compiler would not notice. */
  private isFinishing(): boolean {
    return this.state === S.FINISHING;
  }
}
