/**
 * The server's end of one HTTP/2 connection (RFC 9113), without I/O: bytes come by `push`, and leave by the owner's
 * `write` once per event-loop turn, or earlier when a message's worth is there. Streams with bytes to send take turns.
 *
 * When the socket holds more than it should, the connection is *congested*: streams wait in the ready queue, frames
 * without flow control are held back here, and when these become many, nothing more is read.
 */
import { RateWindow, ReadyQueue, ReceiveBudget, ReceiveWindow } from '@culvert/flow';
import { Http2Error, protocolError } from '../frames/errors.js';
import { FrameBatch } from '../frames/frame-batch.js';
import { FrameReader } from '../frames/frame-reader.js';
import {
  ErrorCode,
  Flag,
  FrameType,
  HEADER_BYTES,
  INITIAL_WINDOW_BYTES,
  INITIAL_FRAME_BYTES,
  MAX_WINDOW_BYTES,
  Setting,
} from '../frames/frame.js';
import { unpad } from '../frames/padding.js';
import { HpackDecoder } from '../hpack/decoder.js';
import { HpackEncoder } from '../hpack/encoder.js';
import {
  type ConnectionLimits,
  EXTRA_WINDOWS,
  MAX_ABANDONED,
  MAX_CONTINUATIONS,
  MAX_EMPTY_DATA,
  MAX_HELD_BYTES,
  MAX_KNOWN_BLOCK_BYTES,
  MAX_KNOWN_BLOCKS,
  NOISE_PER_FRAME,
  RATE_WINDOW_MS,
  SOCKET_HIGH_WATER_BYTES,
} from './limits.js';
import { areTrailers, readRequestFields, type RequestFields } from './request-fields.js';
import { ServerStream, type StreamHost } from './stream.js';

/** Whose connection this is: who has the socket and the clock, and serves the requests. */
export interface ConnectionOwner {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Bytes that were written and have not left. */
  bufferedBytes(): number;
  write(bytes: Buffer): void;
  /** Reading should stop, because of output that is not read; or go on. */
  pauseInput(): void;
  resumeInput(): void;
  /** The answer to `ping` came. */
  onPong(): void;
  /** The peer has acknowledged this side's settings. */
  onAcknowledged(): void;
  /** A request came. Attaches a handler to the stream, or answers at once. */
  onRequest(stream: ServerStream, request: RequestFields, isRequestDone: boolean): void;
  /** GOAWAY with an error code is the last that was written, and every stream is closed. */
  onFailed(code: ErrorCode): void;
  /** The connection was told to end, and its last stream has. */
  onDrained(): void;
  /** Something threw that never should. The connection fails. */
  onFault(error: unknown): void;
}

/**
 * - `open`: takes streams
 * - `draining`: refuses new streams
 * - `ended`: reads and writes nothing any more
 */
type State = 'open' | 'draining' | 'ended';

/** A batch this large is written without waiting for the end of the turn. */
const FLUSH_BYTES = 65_536;

/** Streams of the size of a full window that the connection can keep busy. */
const WINDOWS_PER_CONNECTION = 4;

const EMPTY = Buffer.alloc(0);
const PING_PAYLOAD = Buffer.alloc(8);

export class ServerConnection implements StreamHost {
  readonly encoder = new HpackEncoder();
  /** What this side may send on all streams together. */
  sendWindow = INITIAL_WINDOW_BYTES;

  private state: State = 'open';
  private readonly reader: FrameReader;
  private readonly decoder: HpackDecoder;
  private readonly streams = new Map<number, ServerStream>();
  private lastStreamId = 0;
  /** Streams that ended here before the peer's side did: frames for them may be on their way. */
  private readonly abandoned = new Set<number>();
  private hasSettings = false;
  private isAcknowledged = false;
  private peerWindowBytes = INITIAL_WINDOW_BYTES;

  private readonly window: ReceiveWindow;
  /** What streams may still add to their windows. */
  private readonly budget: ReceiveBudget;

  /** Whether an empty DATA frame follows at once that ends the stream: some clients say so that there is no body. */
  private isEndNext = false;

  // A field block in several frames: bytes so far, its stream, and the flags of its HEADERS.
  private block: Buffer = EMPTY;
  private blockStreamId = 0;
  private blockFlags = 0;
  private continuations = 0;
  private readonly known = new Map<string, RequestFields>();
  private knownGeneration = 0;

  private readonly resets: RateWindow;
  private readonly controls: RateWindow;
  private readonly noise: RateWindow;
  private readonly emptyData: RateWindow;
  /**
   * Whether DATA was sent since the last PING came. Peers such as grpc-go measure bandwidth with a PING for DATA that
   * arrives, and send the next one for DATA that arrives after the answer: so each PING follows DATA of this side.
   */
  private isPingEarned = false;

  private readonly batch = new FrameBatch();
  private isFlushScheduled = false;
  private isCongested = false;
  private isInputPaused = false;
  private readonly ready = new ReadyQueue(INITIAL_FRAME_BYTES, FLUSH_BYTES);

  constructor(
    private readonly owner: ConnectionOwner,
    private readonly limits: ConnectionLimits,
  ) {
    this.reader = new FrameReader(
      { maxFrameBytes: INITIAL_FRAME_BYTES, expectsPreface: true },
      this.handleFrame,
    );
    this.decoder = new HpackDecoder(limits);
    this.window = new ReceiveWindow(Math.min(WINDOWS_PER_CONNECTION * limits.windowBytes, MAX_WINDOW_BYTES));
    this.budget = new ReceiveBudget(EXTRA_WINDOWS * limits.windowBytes);
    this.resets = new RateWindow(limits.maxResets, RATE_WINDOW_MS);
    this.controls = new RateWindow(limits.maxControlFrames, RATE_WINDOW_MS);
    this.noise = new RateWindow(limits.maxControlFrames, RATE_WINDOW_MS);
    this.emptyData = new RateWindow(MAX_EMPTY_DATA, RATE_WINDOW_MS);
    const frames = this.frames();
    frames.settings([
      Setting.MAX_CONCURRENT_STREAMS,
      limits.maxStreams,
      Setting.MAX_HEADER_LIST_SIZE,
      limits.maxListBytes,
      Setting.ENABLE_CONNECT_PROTOCOL,
      1,
    ]);
    frames.windowUpdate(0, this.window.size - INITIAL_WINDOW_BYTES);
  }

  /** Streams that are not closed. */
  get streamCount(): number {
    return this.streams.size;
  }

  /** Takes what was read. The bytes must stay as they are: streams keep views of them. */
  push(chunk: Buffer): void {
    if (this.state === 'ended') return;
    try {
      this.reader.push(chunk, 0, chunk.length);
    } catch (error) {
      if (error instanceof Http2Error) {
        this.fail(error.code);
      } else {
        this.owner.onFault(error);
        this.fail(ErrorCode.INTERNAL_ERROR);
      }
    }
  }

  /** What was written has left. */
  handleSent(): void {
    if (!this.isCongested || this.owner.bufferedBytes() > SOCKET_HIGH_WATER_BYTES / 2) return;
    this.isCongested = false;
    this.endTurn();
    if (this.isInputPaused && this.batch.size === 0) {
      this.isInputPaused = false;
      this.owner.resumeInput();
    }
  }

  /** Takes no more streams, and ends with the last one. Those on their way are refused, which is safe to repeat. */
  drain(): void {
    if (this.state !== 'open') return;
    this.state = 'draining';
    this.frames().goAway(this.lastStreamId, ErrorCode.NO_ERROR);
    this.endIfDrained();
  }

  /** Ends the connection and its streams, with this error code. */
  fail(code: ErrorCode): void {
    if (this.state === 'ended') return;
    this.batch.goAway(this.lastStreamId, code);
    this.end();
    this.owner.write(this.batch.take({ detached: true }));
    this.owner.onFailed(code);
  }

  /** Asks the peer whether it is there. */
  ping(): void {
    if (this.state !== 'ended') this.frames().ping(0, PING_PAYLOAD, 0);
  }

  /** The socket is gone. */
  close(): void {
    if (this.state !== 'ended') this.end();
  }

  /** Counts a stream that ended too early. Resets are free for the peer, and cost a request here. */
  countReset(): void {
    if (this.resets.exceeds(this.owner.now())) this.fail(ErrorCode.ENHANCE_YOUR_CALM);
  }

  // --- StreamHost -----------------------------------------------------------------------------------------

  get maySendAtOnce(): boolean {
    return this.ready.isEmpty && !this.isCongested;
  }

  frames(): FrameBatch {
    if (this.batch.size >= FLUSH_BYTES) this.flush();
    this.scheduleFlush();
    return this.batch;
  }

  sendData(streamId: number, payload: Buffer, flags: number): void {
    this.sendWindow -= payload.length;
    this.noise.forgive(NOISE_PER_FRAME);
    this.isPingEarned = true;
    this.batch.data(streamId, payload, flags);
    if (this.batch.size >= FLUSH_BYTES) this.flush();
    else this.scheduleFlush();
  }

  enqueue(stream: ServerStream): void {
    if (this.ready.add(stream) && !this.isCongested && this.sendWindow > 0) this.scheduleFlush();
  }

  takeExtra(windowBytes: number): number {
    return this.budget.take(Math.min(windowBytes, this.limits.windowBytes - windowBytes));
  }

  takeAllExtra(windowBytes: number): number {
    const extra = this.budget.take(MAX_WINDOW_BYTES - windowBytes);
    const growth = windowBytes + extra - this.window.size;
    if (growth > 0) {
      this.window.widen(growth);
      this.frames().windowUpdate(0, growth);
    }
    return extra;
  }

  forget(stream: ServerStream, extraBytes: number, { isPeerDone }: { readonly isPeerDone: boolean }): void {
    this.streams.delete(stream.id);
    this.budget.release(extraBytes);
    if (!isPeerDone) this.abandon(stream.id);
    this.endIfDrained();
  }

  // --- Frames ---------------------------------------------------------------------------------------------

  private readonly handleFrame = (
    type: number,
    flags: number,
    streamId: number,
    buffer: Buffer,
    from: number,
    to: number,
  ): void => {
    if (!this.hasSettings) {
      if (type !== FrameType.SETTINGS || (flags & Flag.ACK) !== 0) violation('no SETTINGS first');
      this.hasSettings = true;
    }
    if (this.blockStreamId !== 0 && (type !== FrameType.CONTINUATION || streamId !== this.blockStreamId))
      violation('a field block was interrupted');
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
        this.handleReset(streamId, to - from);
        break;
      case FrameType.SETTINGS:
        this.handleSettings(flags, streamId, buffer, from, to);
        break;
      case FrameType.PUSH_PROMISE:
        violation('PUSH_PROMISE from a client');
        break;
      case FrameType.PING:
        this.handlePing(flags, streamId, buffer, from, to);
        break;
      case FrameType.GOAWAY:
        if (streamId !== 0) violation('GOAWAY on a stream');
        if (to - from < 8) wrongSize('GOAWAY');
        this.countNoise();
        break;
      case FrameType.WINDOW_UPDATE:
        this.handleWindowUpdate(streamId, buffer, from, to);
        break;
      case FrameType.CONTINUATION:
        this.isEndNext = isEmptyEnd(buffer, to, streamId);
        this.handleContinuation(flags, buffer, from, to);
        break;
      default:
        // §5.5: unknown frames are ignored.
        this.countNoise();
    }
  };

  private handleData(flags: number, streamId: number, buffer: Buffer, from: number, to: number): void {
    if (streamId === 0) violation('DATA on no stream');
    const frameBytes = to - from;
    const [start, end] = (flags & Flag.PADDED) === 0 ? [from, to] : unpad(buffer, from, to);
    const isLast = (flags & Flag.END_STREAM) !== 0;
    this.receive(frameBytes);
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      this.checkAbandoned(streamId);
      return;
    }
    if (end > start) this.noise.forgive(NOISE_PER_FRAME);
    else if (!isLast && this.emptyData.exceeds(this.owner.now())) throw calm('empty DATA');
    stream.handleData(buffer.subarray(start, end), frameBytes, isLast);
  }

  /** The connection's window opens as bytes come: a stream that is held back holds up no other. */
  private receive(bytes: number): void {
    const { window } = this;
    if (!window.receive(bytes))
      throw new Http2Error(ErrorCode.FLOW_CONTROL_ERROR, 'the connection overran its window');
    if (window.consume(bytes)) this.frames().windowUpdate(0, window.grant(0));
  }

  private handleHeaders(flags: number, streamId: number, buffer: Buffer, from: number, to: number): void {
    if ((streamId & 1) === 0) violation('HEADERS on no stream of a client');
    const [unpadded, end] = (flags & Flag.PADDED) === 0 ? [from, to] : unpad(buffer, from, to);
    // §5.3.2: priorities are not used any more.
    const start = (flags & Flag.PRIORITY) === 0 ? unpadded : unpadded + 5;
    if (start > end) wrongSize('HEADERS');
    if ((flags & Flag.END_HEADERS) !== 0) {
      this.handleBlock(flags, streamId, buffer, start, end);
      return;
    }
    this.block = Buffer.from(buffer.subarray(start, end));
    this.blockStreamId = streamId;
    this.blockFlags = flags;
    this.continuations = 0;
  }

  private handleContinuation(flags: number, buffer: Buffer, from: number, to: number): void {
    if (this.blockStreamId === 0) violation('CONTINUATION without HEADERS');
    if (++this.continuations > MAX_CONTINUATIONS) throw calm('a field block in too many frames');
    const block = Buffer.concat([this.block, buffer.subarray(from, to)]);
    this.block = block;
    if ((flags & Flag.END_HEADERS) === 0) return;
    const streamId = this.blockStreamId;
    this.block = EMPTY;
    this.blockStreamId = 0;
    this.handleBlock(this.blockFlags, streamId, block, 0, block.length);
  }

  private handlePriority(streamId: number, length: number): void {
    if (streamId === 0) violation('PRIORITY on no stream');
    this.countNoise();
    if (length !== 5) this.resetStream(streamId, ErrorCode.FRAME_SIZE_ERROR);
  }

  private handleReset(streamId: number, length: number): void {
    if (length !== 4) wrongSize('RST_STREAM');
    this.checkUsed(streamId);
    const stream = this.streams.get(streamId);
    if (stream === undefined) this.countNoise();
    else stream.handleReset();
  }

  private handleSettings(flags: number, streamId: number, buffer: Buffer, from: number, to: number): void {
    if (streamId !== 0) violation('SETTINGS on a stream');
    this.countControl();
    if ((flags & Flag.ACK) !== 0) {
      if (to > from) wrongSize('SETTINGS');
      if (this.isAcknowledged) return;
      this.isAcknowledged = true;
      this.owner.onAcknowledged();
      return;
    }
    if ((to - from) % 6 !== 0) wrongSize('SETTINGS');
    for (let at = from; at < to; at += 6)
      this.applySetting(buffer.readUInt16BE(at), buffer.readUInt32BE(at + 2));
    this.frames().settingsAck();
  }

  private applySetting(id: number, value: number): void {
    switch (id) {
      case Setting.HEADER_TABLE_SIZE:
        this.encoder.setMaxTableBytes(value);
        return;
      case Setting.ENABLE_PUSH:
      case Setting.ENABLE_CONNECT_PROTOCOL:
        if (value > 1) violation('a setting that is neither 0 nor 1');
        return;
      case Setting.INITIAL_WINDOW_SIZE: {
        if (value > MAX_WINDOW_BYTES) windowOverflow();
        const change = value - this.peerWindowBytes;
        this.peerWindowBytes = value;
        if (change === 0) return;
        for (const stream of this.streams.values()) if (!stream.widen(change)) windowOverflow();
        return;
      }
      case Setting.MAX_FRAME_SIZE:
        // What this side sends is never larger than the smallest value there is.
        if (value < INITIAL_FRAME_BYTES || value >= 2 ** 24) violation('MAX_FRAME_SIZE out of range');
        return;
      default:
        // MAX_CONCURRENT_STREAMS is about pushes, MAX_HEADER_LIST_SIZE is advice, others are unknown.
        return;
    }
  }

  private handlePing(flags: number, streamId: number, buffer: Buffer, from: number, to: number): void {
    if (streamId !== 0) violation('PING on a stream');
    if (to - from !== 8) wrongSize('PING');
    if ((flags & Flag.ACK) !== 0) {
      this.countControl();
      this.owner.onPong();
      return;
    }
    if (this.isPingEarned) this.isPingEarned = false;
    else this.countControl();
    this.frames().ping(Flag.ACK, buffer, from);
  }

  private handleWindowUpdate(streamId: number, buffer: Buffer, from: number, to: number): void {
    if (to - from !== 4) wrongSize('WINDOW_UPDATE');
    const increment = buffer.readUInt32BE(from) & MAX_WINDOW_BYTES;
    this.countNoise();
    if (streamId === 0) {
      if (increment === 0) violation('an empty WINDOW_UPDATE');
      this.sendWindow += increment;
      if (this.sendWindow > MAX_WINDOW_BYTES) windowOverflow();
      if (!this.ready.isEmpty) this.scheduleFlush();
      return;
    }
    this.checkUsed(streamId);
    const stream = this.streams.get(streamId);
    if (stream === undefined) return;
    if (increment === 0) stream.reset(ErrorCode.PROTOCOL_ERROR);
    else if (!stream.widen(increment)) stream.reset(ErrorCode.FLOW_CONTROL_ERROR);
  }

  // --- Field blocks ---------------------------------------------------------------------------------------

  private handleBlock(flags: number, streamId: number, block: Buffer, from: number, to: number): void {
    const isLast = (flags & Flag.END_STREAM) !== 0;
    if (streamId > this.lastStreamId) {
      this.handleRequest(streamId, isLast, block, from, to);
      return;
    }
    // Trailers, maybe of a stream that is over. They are decoded in any case, for the table.
    const list = this.decoder.decode(block, from, to);
    const stream = this.streams.get(streamId);
    if (stream === undefined) this.checkAbandoned(streamId);
    else if (this.decoder.isOverLimit) stream.reset(ErrorCode.ENHANCE_YOUR_CALM);
    else if (stream.isInputDone) stream.reset(ErrorCode.STREAM_CLOSED);
    else if (!isLast || !areTrailers(list)) stream.reset(ErrorCode.PROTOCOL_ERROR);
    else stream.handleTrailers(list);
  }

  private handleRequest(streamId: number, isLast: boolean, block: Buffer, from: number, to: number): void {
    const request = this.readRequest(block, from, to);
    if (this.state === 'draining') {
      // Not this connection's any more; GOAWAY has said so.
      this.frames().reset(streamId, ErrorCode.REFUSED_STREAM);
      this.abandon(streamId);
      return;
    }
    this.lastStreamId = streamId;
    if (typeof request === 'number') {
      this.refuse(streamId, request);
      return;
    }
    const { contentLength } = request;
    if (isLast && contentLength > 0) {
      this.refuse(streamId, ErrorCode.PROTOCOL_ERROR);
      return;
    }
    if (this.streams.size >= this.limits.maxStreams) {
      this.frames().reset(streamId, ErrorCode.REFUSED_STREAM);
      this.abandon(streamId);
      // Before it knows the limit a peer may overrun it; later that is an attack.
      if (this.isAcknowledged) this.countReset();
      return;
    }
    this.noise.forgive(NOISE_PER_FRAME);
    const stream = new ServerStream(this, streamId, this.peerWindowBytes, isLast, contentLength);
    this.streams.set(streamId, stream);
    this.owner.onRequest(stream, request, isLast || (this.isEndNext && contentLength <= 0));
  }

  /** The request in a field block, or the code to reset its stream with. */
  private readRequest(block: Buffer, from: number, to: number): RequestFields | ErrorCode {
    const { decoder, known } = this;
    if (this.knownGeneration !== decoder.generation) {
      this.knownGeneration = decoder.generation;
      known.clear();
    }
    let key = '';
    if (to - from <= MAX_KNOWN_BLOCK_BYTES) {
      key = block.toString('latin1', from, to);
      const found = known.get(key);
      if (found !== undefined) return found;
    }
    const list = decoder.decode(block, from, to);
    if (decoder.isOverLimit) return ErrorCode.ENHANCE_YOUR_CALM;
    const isShared = key !== '' && decoder.generation === this.knownGeneration;
    const request = readRequestFields(list, { isShared });
    if (request === null) return ErrorCode.PROTOCOL_ERROR;
    if (isShared) this.remember(key, request);
    return request;
  }

  private remember(key: string, request: RequestFields): void {
    if (this.known.size === MAX_KNOWN_BLOCKS) this.known.clear();
    this.known.set(key, request);
  }

  /** Resets a stream that never became one. */
  private refuse(streamId: number, code: ErrorCode): void {
    this.frames().reset(streamId, code);
    this.abandon(streamId);
    this.countReset();
  }

  // --- Rules ----------------------------------------------------------------------------------------------

  /** §5.1: only WINDOW_UPDATE, RST_STREAM and PRIORITY may come for a stream that both sides have closed. */
  private checkAbandoned(streamId: number): void {
    this.checkUsed(streamId);
    if (!this.abandoned.has(streamId))
      throw new Http2Error(ErrorCode.STREAM_CLOSED, 'a frame on a closed stream');
    this.countNoise();
  }

  private checkUsed(streamId: number): void {
    if (streamId === 0 || streamId > this.lastStreamId || (streamId & 1) === 0) {
      // While draining, streams that were refused stay uncounted.
      if (this.state === 'draining' && this.abandoned.has(streamId)) return;
      violation('a frame on an idle stream');
    }
  }

  private abandon(streamId: number): void {
    this.abandoned.add(streamId);
    if (this.abandoned.size <= MAX_ABANDONED) return;
    for (const oldest of this.abandoned) {
      this.abandoned.delete(oldest);
      return;
    }
  }

  private resetStream(streamId: number, code: ErrorCode): void {
    const stream: ServerStream | undefined = this.streams.get(streamId);
    if (stream === undefined) throw new Http2Error(code, 'a wrong frame');
    stream.reset(code);
  }

  private countControl(): void {
    if (this.controls.exceeds(this.owner.now())) throw calm('too many control frames');
  }

  private countNoise(): void {
    if (this.noise.exceeds(this.owner.now())) throw calm('too many frames without content');
  }

  // --- Output ---------------------------------------------------------------------------------------------

  private scheduleFlush(): void {
    if (this.isFlushScheduled || this.state === 'ended') return;
    this.isFlushScheduled = true;
    setImmediate(this.endTurn);
  }

  private readonly endTurn = (): void => {
    this.isFlushScheduled = false;
    if (this.state === 'ended') return;
    try {
      while (!this.isCongested && this.sendWindow > 0 && this.ready.serveNext());
      this.flush();
    } catch (error) {
      this.owner.onFault(error);
      this.fail(ErrorCode.INTERNAL_ERROR);
    }
  };

  private flush(): void {
    if (this.batch.size === 0 || this.state === 'ended') return;
    if (this.isCongested) {
      this.batch.settle();
      if (this.batch.size > MAX_HELD_BYTES && !this.isInputPaused) {
        this.isInputPaused = true;
        this.owner.pauseInput();
      }
      return;
    }
    this.owner.write(this.batch.take({ detached: this.owner.bufferedBytes() > 0 }));
    this.isCongested = this.owner.bufferedBytes() >= SOCKET_HIGH_WATER_BYTES;
  }

  // --- Ends -----------------------------------------------------------------------------------------------

  private endIfDrained(): void {
    if (this.state !== 'draining' || this.streams.size > 0) return;
    this.state = 'ended';
    this.reader.stop();
    if (this.batch.size > 0) this.owner.write(this.batch.take({ detached: true }));
    this.owner.onDrained();
  }

  private end(): void {
    this.state = 'ended';
    this.reader.stop();
    this.ready.clear();
    for (const stream of this.streams.values()) stream.handleReset();
    this.known.clear();
    this.abandoned.clear();
  }
}

function violation(message: string): never {
  throw protocolError(message);
}

function wrongSize(frame: string): never {
  throw new Http2Error(ErrorCode.FRAME_SIZE_ERROR, `${frame} of a wrong size`);
}

function windowOverflow(): never {
  throw new Http2Error(ErrorCode.FLOW_CONTROL_ERROR, 'a window above 2^31 - 1');
}

function calm(message: string): Http2Error {
  return new Http2Error(ErrorCode.ENHANCE_YOUR_CALM, message);
}

/** Whether `buffer` has an empty DATA frame at `at` that ends the stream. */
function isEmptyEnd(buffer: Buffer, at: number, streamId: number): boolean {
  return (
    buffer.length - at >= HEADER_BYTES &&
    buffer[at + 3] === FrameType.DATA &&
    (buffer[at + 4] & Flag.END_STREAM) !== 0 &&
    buffer.readUIntBE(at, 3) === 0 &&
    buffer.readUInt32BE(at + 5) === streamId
  );
}
