/** The server's end of one HTTP/2 connection (RFC 9113), without I/O: takes the requests of a client. */
import { RateWindow, ReceiveBudget } from '@culvert/flow';
import { type EndedStream, Endpoint, type EndpointOwner } from '../connection/endpoint.js';
import { KnownBlocks } from '../connection/known-blocks.js';
import { RATE_WINDOW_MS } from '../connection/limits.js';
import { Http2Error, violation } from '../frames/errors.js';
import {
  ErrorCode,
  Flag,
  INITIAL_FRAME_BYTES,
  INITIAL_WINDOW_BYTES,
  MAX_WINDOW_BYTES,
  Setting,
} from '../frames/frame.js';
import { FrameReader } from '../frames/frame-reader.js';
import { unpad } from '../frames/padding.js';
import { type ConnectionLimits, EXTRA_WINDOWS } from './limits.js';
import { areTrailers, readRequestFields, type RequestFields } from './request-fields.js';
import { ServerStream, type StreamHost } from './stream.js';

/** The owner of a server's connection: has the socket and the clock, and serves the requests. */
export interface ConnectionOwner extends EndpointOwner {
  /** A request came. Attaches a handler to the stream, or answers at once. */
  onRequest(stream: ServerStream, request: RequestFields, isRequestDone: boolean): void;
}

/** Stream id for a GOAWAY that announces that every stream the client may open is served. */
const MAX_STREAM_ID = 0x7fff_ffff;

/** Number of streams with a full window that the connection can keep busy. */
const WINDOWS_PER_CONNECTION = 4;

export class ServerConnection extends Endpoint<ServerStream> implements StreamHost {
  protected readonly reader: FrameReader;
  /** Bytes that streams may still add to their windows. */
  private readonly budget: ReceiveBudget;
  private readonly known: KnownBlocks<RequestFields>;
  private readonly resets: RateWindow;

  constructor(
    protected override readonly owner: ConnectionOwner,
    private readonly limits: ConnectionLimits,
  ) {
    const { maxControlFrames, windowBytes } = limits;
    super(owner, {
      rates: { maxControlFrames, maxNoiseFrames: maxControlFrames },
      lists: limits,
      windowBytes: Math.min(WINDOWS_PER_CONNECTION * windowBytes, MAX_WINDOW_BYTES),
    });
    this.reader = new FrameReader(
      { maxFrameBytes: INITIAL_FRAME_BYTES, expectsPreface: true },
      this.handleFrame,
    );
    this.known = new KnownBlocks(this.decoder);
    this.budget = new ReceiveBudget(EXTRA_WINDOWS * windowBytes);
    this.resets = new RateWindow(limits.maxResets, RATE_WINDOW_MS);
    this.sendSettings([
      Setting.MAX_CONCURRENT_STREAMS,
      limits.maxStreams,
      Setting.MAX_HEADER_LIST_SIZE,
      limits.maxListBytes,
      Setting.ENABLE_CONNECT_PROTOCOL,
      1,
    ]);
    this.output.frames().windowUpdate(0, this.window.size - INITIAL_WINDOW_BYTES);
  }

  /** Counts a stream that ended too early. Resets are free for the peer, and cost a request here. */
  countReset(): void {
    if (this.resets.exceeds(this.owner.now())) this.fail(ErrorCode.ENHANCE_YOUR_CALM, 'too many resets');
  }

  /**
   * Announces that the connection will end, and still accepts streams (RFC 9113 §6.8): sends GOAWAY with the highest
   * stream id, then PING. The peer has read both when `onPong` is called; `drain` is due then.
   */
  giveNotice(): void {
    if (this.isDraining) return;
    this.output.frames().goAway(MAX_STREAM_ID, ErrorCode.NO_ERROR);
    this.ping();
  }

  // --- StreamHost -----------------------------------------------------------------------------------------

  reserveExtra(windowBytes: number): number {
    return this.budget.reserve(Math.min(windowBytes, this.limits.windowBytes - windowBytes));
  }

  reserveAllExtra(windowBytes: number): number {
    const extra = this.budget.reserve(MAX_WINDOW_BYTES - windowBytes);
    const growth = windowBytes + extra - this.window.size;
    if (growth > 0) {
      this.window.widen(growth);
      this.output.frames().windowUpdate(0, growth);
    }
    return extra;
  }

  forget(stream: EndedStream, extraBytes: number, options: { readonly isPeerDone: boolean }): void {
    this.budget.release(extraBytes);
    this.release(stream, options);
  }

  // --- Frames ---------------------------------------------------------------------------------------------

  protected handleData(flags: number, streamId: number, buffer: Buffer, from: number, to: number): void {
    if (streamId === 0) violation('DATA on no stream');
    const frameBytes = to - from;
    const [start, end] = (flags & Flag.PADDED) === 0 ? [from, to] : unpad(buffer, from, to);
    const isLast = (flags & Flag.END_STREAM) !== 0;
    this.receive(frameBytes);
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      this.countAbandoned(streamId, frameBytes);
      return;
    }
    if (end > start) this.rates.noteContent();
    else if (!isLast) this.rates.countEmptyData();
    stream.handleData(buffer.subarray(start, end), frameBytes, isLast);
  }

  protected handlePushPromise(): void {
    violation('PUSH_PROMISE from a client');
  }

  protected handleGoAway(): void {
    // GOAWAY of a client limits only pushes, which this server never sends.
  }

  protected checkHeaders(streamId: number): void {
    if ((streamId & 1) === 0) violation('HEADERS on no stream of a client');
  }

  protected checkUsed(streamId: number): void {
    if (streamId === 0 || streamId > this.lastPeerStreamId || (streamId & 1) === 0) {
      // While draining, streams that were refused stay uncounted.
      if (this.isDraining && this.abandoned.has(streamId)) return;
      violation('a frame on an idle stream');
    }
  }

  protected override end(): void {
    super.end();
    this.known.clear();
  }

  // --- Field blocks ---------------------------------------------------------------------------------------

  protected handleBlock(flags: number, streamId: number, block: Buffer, from: number, to: number): void {
    const isLast = (flags & Flag.END_STREAM) !== 0;
    if (streamId > this.lastPeerStreamId) {
      this.handleRequest(streamId, isLast, block, from, to);
      return;
    }
    // Trailers, maybe of a stream that is over. They are decoded in any case, for the table.
    const list = this.decoder.decode(block, from, to);
    const stream = this.streams.get(streamId);
    if (stream === undefined) this.countAbandoned(streamId, 0);
    else if (this.decoder.isOverLimit) stream.reset(ErrorCode.ENHANCE_YOUR_CALM);
    else if (stream.isInputDone) stream.reset(ErrorCode.STREAM_CLOSED);
    else if (!isLast || !areTrailers(list)) stream.reset(ErrorCode.PROTOCOL_ERROR);
    else stream.handleTrailers(list);
  }

  private handleRequest(streamId: number, isLast: boolean, block: Buffer, from: number, to: number): void {
    const request = this.readRequest(block, from, to);
    if (this.isDraining) {
      // After GOAWAY: the peer may repeat this request on another connection.
      this.output.frames().reset(streamId, ErrorCode.REFUSED_STREAM);
      this.abandoned.add(streamId, INITIAL_WINDOW_BYTES);
      return;
    }
    this.lastPeerStreamId = streamId;
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
      this.output.frames().reset(streamId, ErrorCode.REFUSED_STREAM);
      this.abandoned.add(streamId, INITIAL_WINDOW_BYTES);
      // A peer may exceed the limit before it knows it; later that is an attack.
      if (this.isAcknowledged) this.countReset();
      return;
    }
    this.rates.noteContent();
    const stream = new ServerStream(this, streamId, this.peer.windowBytes, isLast, contentLength);
    this.streams.set(streamId, stream);
    this.owner.onRequest(stream, request, isLast || (this.isEndNext && contentLength <= 0));
  }

  /** Returns the request in a field block, or the code to reset its stream with. */
  private readRequest(block: Buffer, from: number, to: number): RequestFields | ErrorCode {
    const { decoder, known } = this;
    const found = known.find(block, from, to);
    if (found !== undefined) return found;
    const list = decoder.decode(block, from, to);
    if (decoder.isOverLimit) return ErrorCode.ENHANCE_YOUR_CALM;
    const isShared = known.isRepeatable;
    const request = readRequestFields(list, { isShared });
    if (request === null) return ErrorCode.PROTOCOL_ERROR;
    if (isShared) known.remember(request);
    return request;
  }

  /** Resets a stream that never became one. */
  private refuse(streamId: number, code: ErrorCode): void {
    this.output.frames().reset(streamId, code);
    this.abandoned.add(streamId, INITIAL_WINDOW_BYTES);
    this.countReset();
  }

  /** §5.1: only WINDOW_UPDATE, RST_STREAM and PRIORITY may come for a stream that both sides have closed. */
  private countAbandoned(streamId: number, dataBytes: number): void {
    this.checkUsed(streamId);
    if (!this.abandoned.has(streamId))
      throw new Http2Error(ErrorCode.STREAM_CLOSED, 'a frame on a closed stream');
    this.abandoned.count(streamId, dataBytes);
  }
}
