/**
 * The common part of both ends of an HTTP/2 connection (RFC 9113), without I/O: bytes arrive by `push` and leave by the
 * owner's `write` (`Output`). Subclasses open streams and handle what belongs to one direction only.
 */
import { type ReadyStream, ReceiveWindow } from '@culvert/flow';
import { Http2Error, violation, windowOverflow, wrongSize } from '../frames/errors.js';
import { ErrorCode, Flag, FrameType, HEADER_BYTES, MAX_WINDOW_BYTES, Setting } from '../frames/frame.js';
import type { FrameReader } from '../frames/frame-reader.js';
import { unpad } from '../frames/padding.js';
import { HpackDecoder, type ListLimits } from '../hpack/decoder.js';
import { HpackEncoder } from '../hpack/encoder.js';
import { AbandonedStreams } from './abandoned-streams.js';
import { FieldBlock } from './field-block.js';
import { Output, type OutputOptions, type OutputSink } from './output.js';
import { PeerRates, type PeerRateLimits } from './peer-rates.js';
import { PeerSettings } from './peer-settings.js';

/** The owner of a connection: has the transport and the clock. */
export interface EndpointOwner extends OutputSink {
  /** Milliseconds, monotonic. */
  now(): number;
  /** The answer to `ping` came. */
  onPong(): void;
  /** The peer has acknowledged SETTINGS of this side. */
  onAcknowledged(): void;
  /** The connection fails: its streams are lost next, then `onFailed` follows. @param reason for people */
  onFailing?(code: ErrorCode, reason: string): void;
  /** GOAWAY with an error code is the last that was written, and every stream is closed. @param reason for people */
  onFailed(code: ErrorCode, reason: string): void;
  /** The draining connection has ended with its last stream. */
  onDrained(): void;
  /** A callback threw, which must never happen. The connection fails, unless it is ending already. */
  onFault(error: unknown): void;
}

/** A stream as its connection uses it. */
export interface PeerStream extends ReadyStream {
  readonly id: number;
  /** DATA that the peer may still send on it. */
  readonly receiveCreditBytes: number;
  /** The peer gave or took credit. Returns false when the window overflows. */
  widen(bytes: number): boolean;
  /** The peer broke a rule in a way that ends this stream only (§5.4.2). */
  handleViolation(code: ErrorCode): void;
  /** RST_STREAM came. */
  handleReset(code: number): void;
  /** The connection is gone. */
  handleLost(): void;
}

/** An ended stream as its connection uses it. */
export type EndedStream = Pick<PeerStream, 'id' | 'receiveCreditBytes'>;

/** Life of an endpoint. */
export const EndpointState = {
  /** Takes streams. */
  OPEN: 0,
  /** Ends with its last stream. */
  DRAINING: 1,
  /** No longer reads or writes. */
  ENDED: 2,
} as const;
export type EndpointState = (typeof EndpointState)[keyof typeof EndpointState];

export interface EndpointOptions {
  readonly rates: PeerRateLimits;
  readonly lists: ListLimits;
  /** Bytes that the peer may send on all streams together before it is granted more. */
  readonly windowBytes: number;
  /** Largest dynamic table of the encoder. */
  readonly encoderTableBytes?: number;
  readonly output?: OutputOptions;
}

const PING_PAYLOAD = Buffer.alloc(8);

export abstract class Endpoint<S extends PeerStream> {
  readonly encoder: HpackEncoder;
  readonly output: Output;
  /** The values of the peer's SETTINGS. */
  readonly peer = new PeerSettings();

  protected abstract readonly reader: FrameReader;
  protected readonly decoder: HpackDecoder;
  protected readonly rates: PeerRates;
  /** Bytes that the peer may send on all streams together. */
  protected readonly window: ReceiveWindow;
  protected readonly streams = new Map<number, S>();
  protected readonly abandoned: AbandonedStreams;
  /** The last stream of the peer that was processed, as in GOAWAY. */
  protected lastPeerStreamId = 0;
  /** Whether an empty DATA frame that ends the stream follows the field block at once: there is no body. */
  protected isEndNext = false;
  private state: EndpointState = EndpointState.OPEN;
  private hasSettings = false;
  /** SETTINGS of this side that the peer has not acknowledged. */
  private unacknowledged = 0;
  private readonly block = new FieldBlock();

  constructor(
    protected readonly owner: EndpointOwner,
    { rates, lists, windowBytes, encoderTableBytes, output }: EndpointOptions,
  ) {
    this.encoder = new HpackEncoder(encoderTableBytes);
    this.decoder = new HpackDecoder(lists);
    this.rates = new PeerRates(rates, owner);
    this.abandoned = new AbandonedStreams(this.rates);
    this.output = new Output(owner, this.rates, this, output);
    this.window = new ReceiveWindow(windowBytes);
  }

  /** Streams that are not closed. */
  get streamCount(): number {
    return this.streams.size;
  }

  /** Streams that are remembered since the peer may still send on them. */
  get abandonedCount(): number {
    return this.abandoned.size;
  }

  /** Whether the peer's first SETTINGS have arrived: until then, the peer may not speak HTTP/2 at all. */
  get isReady(): boolean {
    return this.hasSettings;
  }

  /** Whether every SETTINGS of this side was acknowledged. */
  get isAcknowledged(): boolean {
    return this.unacknowledged === 0;
  }

  /** Whether no new streams begin. */
  get isDraining(): boolean {
    return this.state !== EndpointState.OPEN;
  }

  /** Takes `chunk[from..end)`, which was read. The bytes must stay as they are: streams keep views of them. */
  push(chunk: Buffer, from = 0, end = chunk.length): void {
    if (this.state === EndpointState.ENDED) return;
    try {
      this.reader.push(chunk, from, end);
    } catch (error) {
      if (error instanceof Http2Error) this.fail(error.code, error.message);
      else this.handleFault(error);
    }
  }

  /** Written bytes have left. */
  handleSent(): void {
    this.output.handleSent();
  }

  /** Refuses new streams, and ends with the last open one. Refused requests are safe to repeat. */
  drain(): void {
    if (this.isDraining) return;
    this.output.frames().goAway(this.lastPeerStreamId, ErrorCode.NO_ERROR);
    this.beginDraining();
    this.endIfDrained();
  }

  /** Ends the connection and its streams, with this error code. @param reason for people */
  fail(code: ErrorCode, reason = ''): void {
    if (this.state === EndpointState.ENDED) return;
    this.output.frames().goAway(this.lastPeerStreamId, code);
    this.owner.onFailing?.(code, reason);
    this.end();
    this.output.finish();
    this.owner.onFailed(code, reason);
  }

  /** Sends PING, to check that the peer still answers. */
  ping(): void {
    if (this.state !== EndpointState.ENDED) this.output.frames().ping(0, PING_PAYLOAD, 0);
  }

  /** The transport is gone. */
  close(): void {
    if (this.state === EndpointState.ENDED) return;
    this.end();
    this.output.close();
  }

  /** Fails the connection after a callback threw, which must never happen. */
  handleFault(error: unknown): void {
    this.owner.onFault(error);
    this.fail(ErrorCode.INTERNAL_ERROR, 'a fault of this side');
  }

  // --- Implemented for one direction ----------------------------------------------------------------------

  /** A complete DATA frame arrived. */
  protected abstract handleData(
    flags: number,
    streamId: number,
    buffer: Buffer,
    from: number,
    to: number,
  ): void;
  /** A complete field block arrived. It must be decoded in any case, to keep the table in step. */
  protected abstract handleBlock(
    flags: number,
    streamId: number,
    block: Buffer,
    from: number,
    to: number,
  ): void;
  protected abstract handlePushPromise(): void;
  /** @param code of any value */
  protected abstract handleGoAway(lastStreamId: number, code: number): void;
  /** Throws Http2Error when HEADERS may never come for this stream. */
  protected abstract checkHeaders(streamId: number): void;
  /** Throws Http2Error when the stream was never begun. */
  protected abstract checkUsed(streamId: number): void;
  /** The peer's SETTINGS are applied. */
  protected handleApplied(): void {}

  // --- For streams and the classes that extend this one ---------------------------------------------------

  protected sendSettings(settings: readonly number[]): void {
    this.unacknowledged++;
    this.output.frames().settings(settings);
  }

  protected beginDraining(): void {
    if (!this.isDraining) this.transition(EndpointState.DRAINING);
  }

  protected endIfDrained(): void {
    if (this.state !== EndpointState.DRAINING || this.streams.size > 0) return;
    this.transition(EndpointState.ENDED);
    this.reader.stop();
    this.output.finish();
    this.owner.onDrained();
  }

  protected release(stream: EndedStream, { isPeerDone }: { readonly isPeerDone: boolean }): void {
    this.streams.delete(stream.id);
    if (!isPeerDone) this.abandoned.add(stream.id, stream.receiveCreditBytes);
    this.endIfDrained();
  }

  /** Counts DATA. The connection's window opens again as bytes arrive, so that a paused stream does not hold up others. */
  protected receive(bytes: number): void {
    const { window } = this;
    if (!window.receive(bytes))
      throw new Http2Error(ErrorCode.FLOW_CONTROL_ERROR, 'the connection overran its window');
    if (window.consume(bytes)) this.output.frames().windowUpdate(0, window.grant(0));
  }

  /** Throws Http2Error when a frame of this type may not come now. */
  protected checkOrder(type: number, flags: number, streamId: number): void {
    if (!this.hasSettings) {
      if (type !== FrameType.SETTINGS || (flags & Flag.ACK) !== 0) violation('no SETTINGS first');
      this.hasSettings = true;
    }
    const { block } = this;
    if (block.streamId !== 0 && (type !== FrameType.CONTINUATION || streamId !== block.streamId))
      violation('a field block was interrupted');
  }

  // --- Frames ---------------------------------------------------------------------------------------------

  protected readonly handleFrame = (
    type: number,
    flags: number,
    streamId: number,
    buffer: Buffer,
    from: number,
    to: number,
  ): void => {
    this.checkOrder(type, flags, streamId);
    switch (type) {
      case FrameType.DATA:
        this.handleData(flags, streamId, buffer, from, to);
        break;
      case FrameType.HEADERS:
        this.isEndNext = isEmptyEnd(buffer, to, streamId);
        this.handleHeaders(flags, streamId, buffer, from, to);
        break;
      case FrameType.PRIORITY:
        this.handlePriority(streamId, to - from);
        break;
      case FrameType.RST_STREAM:
        this.handleRstStream(streamId, buffer, from, to);
        break;
      case FrameType.SETTINGS:
        this.handleSettings(flags, streamId, buffer, from, to);
        break;
      case FrameType.PUSH_PROMISE:
        this.handlePushPromise();
        break;
      case FrameType.PING:
        this.handlePing(flags, streamId, buffer, from, to);
        break;
      case FrameType.GOAWAY:
        if (streamId !== 0) violation('GOAWAY on a stream');
        if (to - from < 8) wrongSize('GOAWAY');
        this.rates.countNoise();
        this.handleGoAway(buffer.readUInt32BE(from) & 0x7fff_ffff, buffer.readUInt32BE(from + 4));
        break;
      case FrameType.WINDOW_UPDATE:
        this.handleWindowUpdate(streamId, buffer, from, to);
        break;
      case FrameType.CONTINUATION:
        this.isEndNext = isEmptyEnd(buffer, to, streamId);
        this.handleContinuation(flags, streamId, buffer, from, to);
        break;
      default:
        // §5.5: unknown frames are ignored.
        this.rates.countNoise();
    }
  };

  private handleHeaders(flags: number, streamId: number, buffer: Buffer, from: number, to: number): void {
    this.checkHeaders(streamId);
    const [unpadded, end] = (flags & Flag.PADDED) === 0 ? [from, to] : unpad(buffer, from, to);
    // §5.3.2: priorities are no longer used.
    const start = (flags & Flag.PRIORITY) === 0 ? unpadded : unpadded + 5;
    if (start > end) wrongSize('HEADERS');
    if ((flags & Flag.END_HEADERS) !== 0) this.handleBlock(flags, streamId, buffer, start, end);
    else this.block.begin(streamId, flags, buffer, start, end);
  }

  private handleContinuation(
    flags: number,
    streamId: number,
    buffer: Buffer,
    from: number,
    to: number,
  ): void {
    const { block } = this;
    const whole = block.add(flags, buffer, from, to);
    if (whole !== null) this.handleBlock(block.flags, streamId, whole, 0, whole.length);
  }

  private handlePriority(streamId: number, length: number): void {
    if (streamId === 0) violation('PRIORITY on no stream');
    this.rates.countNoise();
    if (length === 5) return;
    const stream = this.streams.get(streamId);
    if (stream === undefined) wrongSize('PRIORITY');
    stream.handleViolation(ErrorCode.FRAME_SIZE_ERROR);
  }

  private handleRstStream(streamId: number, buffer: Buffer, from: number, to: number): void {
    if (to - from !== 4) wrongSize('RST_STREAM');
    this.checkUsed(streamId);
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      this.abandoned.countReset(streamId);
    } else {
      stream.handleReset(buffer.readUInt32BE(from));
      this.abandoned.settle(streamId);
    }
  }

  private handleSettings(flags: number, streamId: number, buffer: Buffer, from: number, to: number): void {
    if (streamId !== 0) violation('SETTINGS on a stream');
    this.rates.countControl();
    if ((flags & Flag.ACK) !== 0) {
      if (to > from) wrongSize('SETTINGS');
      if (this.unacknowledged === 0) return;
      this.unacknowledged--;
      this.owner.onAcknowledged();
      return;
    }
    if ((to - from) % 6 !== 0) wrongSize('SETTINGS');
    for (let at = from; at < to; at += 6)
      this.applySetting(buffer.readUInt16BE(at), buffer.readUInt32BE(at + 2));
    this.output.frames().settingsAck();
    this.handleApplied();
  }

  private applySetting(id: number, value: number): void {
    const { peer } = this;
    const { windowBytes } = peer;
    if (id === Setting.HEADER_TABLE_SIZE) this.encoder.setMaxTableBytes(value);
    else peer.apply(id, value);
    const change = peer.windowBytes - windowBytes;
    if (change === 0) return;
    for (const stream of this.streams.values()) if (!stream.widen(change)) windowOverflow();
  }

  private handlePing(flags: number, streamId: number, buffer: Buffer, from: number, to: number): void {
    if (streamId !== 0) violation('PING on a stream');
    if (to - from !== 8) wrongSize('PING');
    if ((flags & Flag.ACK) !== 0) {
      this.rates.countControl();
      this.owner.onPong();
      return;
    }
    this.rates.countPing();
    this.output.frames().ping(Flag.ACK, buffer, from);
  }

  private handleWindowUpdate(streamId: number, buffer: Buffer, from: number, to: number): void {
    if (to - from !== 4) wrongSize('WINDOW_UPDATE');
    const increment = buffer.readUInt32BE(from) & MAX_WINDOW_BYTES;
    this.rates.countNoise();
    if (streamId === 0) {
      if (increment === 0) violation('an empty WINDOW_UPDATE');
      this.output.widen(increment);
      return;
    }
    this.checkUsed(streamId);
    const stream = this.streams.get(streamId);
    if (stream === undefined) return;
    if (increment === 0) stream.handleViolation(ErrorCode.PROTOCOL_ERROR);
    else if (!stream.widen(increment)) stream.handleViolation(ErrorCode.FLOW_CONTROL_ERROR);
  }

  // --- Ends -----------------------------------------------------------------------------------------------

  protected end(): void {
    this.transition(EndpointState.ENDED);
    this.reader.stop();
    this.abandoned.clear();
    for (const stream of this.streams.values()) lose(stream, this.owner);
  }

  /** The states follow each other in the order of their numbers, and none comes twice. */
  private transition(to: EndpointState): void {
    if (to <= this.state) throw new Error(`a connection cannot go from state ${this.state} to ${to}`);
    this.state = to;
  }
}

/** Ends a stream whose connection is gone. A throw must not keep the other streams, or the owner, from their ends. */
function lose(stream: PeerStream, owner: EndpointOwner): void {
  try {
    stream.handleLost();
  } catch (error) {
    owner.onFault(error);
  }
}

/** Reports whether `buffer` has an empty DATA frame at `at` that ends the stream. */
function isEmptyEnd(buffer: Buffer, at: number, streamId: number): boolean {
  return (
    buffer.length - at >= HEADER_BYTES &&
    buffer[at + 3] === FrameType.DATA &&
    (buffer[at + 4] & Flag.END_STREAM) !== 0 &&
    buffer.readUIntBE(at, 3) === 0 &&
    buffer.readUInt32BE(at + 5) === streamId
  );
}
