/**
 * One request to an ingress that speaks HTTP/2, as the stream that an exchange knows: HTTP/1.1 bytes go in and come
 * out. The exchange keeps one code path, and pays for the second one only on routes that need it.
 *
 * Nothing is held here but the request's head, and at most `MAX_REPLAY_BYTES` (and one write) of a body whose request
 * the ingress may yet refuse. Bodies wait in Node's streams: bounded by the window one way, by `write` the other.
 */
import { type ClientHttp2Stream, constants, type OutgoingHttpHeaders } from 'node:http2';
import {
  ChunkedScanner,
  chunkOf,
  Field,
  type Fields,
  Framing,
  type HeadLimits,
  HeadReader,
  parseRequestHead,
  type RequestHead,
} from '@culvert/http1';
import { ResetCode, type Stream, type StreamHandler } from '@culvert/tunnel';
import { CHUNKED_LIMITS } from '../limits.js';
import { errorName } from './http2-error-names.js';
import {
  fieldLines,
  Http2ResponseError,
  interimHeadText,
  requestFields,
  type ResponseFields,
  type ResponseFraming,
  responseHeadText,
  switchingHeadText,
  trailerFields,
} from './http2-fields.js';

const { NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM, NGHTTP2_REFUSED_STREAM } = constants;

/** Heads come from the relay itself, longer than the visitor's by what the route adds. */
const HEAD_LIMITS: HeadLimits = { maxHeadBytes: 262_144, maxFieldCount: 1024, maxTargetBytes: 65_536 };

/** Body bytes kept until the ingress answers, should it refuse the request without looking at it. */
const MAX_REPLAY_BYTES = 16_384;

/** Sessions that one request is offered to. */
const MAX_ATTEMPTS = 3;

/** What unread bytes of a response may keep in memory beside themselves: frames, and chunks that hold them. */
const MAX_HELD_BYTES = 4 * 1_048_576;
const FRAME_OVERHEAD_BYTES = 256;

/** How long an ingress may take to end a response that is complete by its length. */
const LINGER_MS = 5000;

const CRLF = '\r\n';

/** What the exchange writes next. */
type Input = 'head' | 'length' | 'chunked' | 'raw' | 'none';

let nextId = 1;

/** What a request needs of the session that carries it. */
export interface Http2StreamHost {
  /** Whether the ingress takes extended CONNECT (RFC 8441 §3). Known once a stream is started. */
  readonly takesWebSockets: boolean;
  /** Starts a request that has a place, at once or as soon as the ingress has said how many it takes. */
  submit(stream: Http2UpstreamStream): void;
  /** Issues a request. Throws when Node's session takes none. */
  request(
    stream: Http2UpstreamStream,
    fields: OutgoingHttpHeaders,
    options: { readonly endStream: boolean },
  ): ClientHttp2Stream;
  /** Gives back the place of `stream`. */
  release(stream: Http2UpstreamStream, id: number | undefined): void;
}

export class Http2UpstreamStream implements Stream {
  readonly id = nextId++;
  isOpen = true;

  private session: Http2StreamHost;
  private request: ClientHttp2Stream | null = null;
  private attempts = 1;

  private head: RequestHead | null = null;
  private fields: OutgoingHttpHeaders = {};
  private input: Input = 'head';
  private inputBytesLeft = 0;
  private scanner: ChunkedScanner | null = null;
  private isRequestDone = false;
  /** Whether END_STREAM has left, or goes with the head. */
  private isRequestSent = false;
  private requestTrailers: Fields | null = null;
  /** The body so far, while the request can still be made again; null once it cannot. */
  private replay: Buffer[] | null = [];
  private replayBytes = 0;
  private wantsDrain = false;

  private framing: ResponseFraming | 'raw' | null = null;
  private outputBytesLeft = 0;
  private responseTrailers = '';
  private hasEndStream = false;
  private hasPeerReset = false;
  private isResponseDone = false;
  private isEndDelivered = false;
  private isPaused = false;
  /** What the exchange gets at the end of this turn: head, body and trailers of a small response in one piece. */
  private output: Buffer[] = [];
  private heldBytes = 0;
  private lastHeldChunk = 0;

  /**
   * @param session has a place reserved for this request
   * @param reassign finds a place in another session
   */
  constructor(
    session: Http2StreamHost,
    public handler: StreamHandler,
    private readonly scheme: 'http' | 'https',
    private readonly reassign: (stream: Http2UpstreamStream) => void,
  ) {
    this.session = session;
  }

  get isUpgrade(): boolean {
    return this.head !== null && this.head.upgrade !== '';
  }

  // --- Stream: what the exchange calls --------------------------------------------------------------------

  write(chunk: Buffer): boolean {
    if (!this.isOpen) return true;
    const hasRoom = this.take(chunk);
    if (!hasRoom) this.wantsDrain = true;
    return hasRoom;
  }

  /** The visitor has ended its side of an upgraded connection. */
  end(): void {
    if (!this.isOpen || this.isRequestDone) return;
    this.finishRequest(null);
    if (this.isResponseDone) this.close();
  }

  reset(): void {
    if (!this.isOpen) return;
    const isWhole = this.hasEndStream || (this.framing === 'length' && this.outputBytesLeft === 0);
    this.close();
    if (this.request === null || (this.isRequestSent && this.hasEndStream)) return;
    // An exchange that has all of its response says so in the same way as one that wants no more of it. Servers count
    // RST_STREAM against a client, so the END_STREAM that is still to come is waited for.
    if (this.isRequestSent && isWhole) this.request.setTimeout(LINGER_MS, () => this.cancel());
    else this.cancel();
  }

  pause(): void {
    this.isPaused = true;
    this.request?.pause();
  }

  resume(): void {
    this.isPaused = false;
    this.heldBytes = 0;
    this.flush();
    if (!this.isPaused) this.request?.resume();
  }

  // --- What the session calls -----------------------------------------------------------------------------

  /** Makes the request in `session`. Throws when that takes none. */
  start(session: Http2StreamHost): void {
    if (this.isUpgrade && !session.takesWebSockets) {
      this.failLater(ResetCode.INGRESS_PROTOCOL, 'speaks HTTP/2 without WebSockets (RFC 8441)');
      return;
    }
    if (this.head !== null && this.head.otherUpgrade !== '') {
      this.failLater(ResetCode.INGRESS_PROTOCOL, 'speaks HTTP/2, where no connection switches protocols');
      return;
    }
    const body = this.replay ?? [];
    const endStream = this.isRequestDone && body.length === 0;
    const request = session.request(this, this.fields, { endStream });
    this.request = request;
    this.isRequestSent = endStream;
    request.on('headers', (fields) => this.receive(request, () => this.handleInterim(fields)));
    request.on('response', (fields, flags) => {
      this.receive(request, () => this.handleResponse(fields, (flags & NGHTTP2_FLAG_END_STREAM) !== 0));
      // Not before: in a stream that flows, data that came together with the head would overtake it.
      request.on('data', (chunk: Buffer) => this.receive(request, () => this.handleData(chunk)));
      if (this.isPaused) request.pause();
    });
    request.on('trailers', (fields) =>
      this.receive(request, () => (this.responseTrailers = fieldLines(fields))),
    );
    request.on('end', () => this.receive(request, () => this.handleEnd()));
    request.on('drain', () => this.handleDrain(request));
    request.on('wantTrailers', () => {
      request.sendTrailers(trailerFields(this.requestTrailers));
      if (request === this.request) this.isRequestSent = true;
    });
    // What went wrong is known from the code that 'close' comes with.
    request.on('error', () => {});
    request.on('close', () => this.handleClose(request));
    for (const chunk of body) request.write(chunk);
    if (this.isRequestDone) request.end();
    this.limitReplay();
    this.handler.onOpen();
    if (request.writableNeedDrain) return;
    this.handleDrain(request);
  }

  /** A frame with END_STREAM arrived: what follows in Node's stream is all of the response. */
  handleEndStream(): void {
    this.hasEndStream = true;
  }

  handlePeerReset(): void {
    this.hasPeerReset = true;
    // Node tells of it once what waits was read, which may be never.
    if (this.isPaused && !this.hasEndStream) this.failLater(ResetCode.INGRESS_RESET, 'reset the request');
  }

  /** Counts what an unread response costs beside its bytes, which the window bounds. */
  handleDataFrame(chunkNumber: number, chunkBytes: number): void {
    if (!this.isPaused) return;
    this.heldBytes += FRAME_OVERHEAD_BYTES;
    if (chunkNumber !== this.lastHeldChunk) this.heldBytes += chunkBytes;
    this.lastHeldChunk = chunkNumber;
    if (this.heldBytes > MAX_HELD_BYTES) {
      this.failLater(ResetCode.INGRESS_PROTOCOL, 'sent a response in too many pieces while nobody read it');
    }
  }

  /** The connection with the ingress is lost. What arrived in full may still be read. */
  handleLoss(code: ResetCode, detail: string): void {
    if (!this.hasEndStream) this.fail(code, detail);
  }

  /** No session takes this request. */
  handleUnplaced(reason: 'absent' | 'full'): void {
    if (reason === 'full') this.failLater(ResetCode.STREAM_LIMIT, 'no connection takes the request');
    else this.failLater(ResetCode.TUNNEL_LOST, 'the tunnel was lost before the request was sent');
  }

  /** Moves the request to a session that has a place for it. */
  moveTo(session: Http2StreamHost): void {
    this.session = session;
    session.submit(this);
  }

  // --- Request --------------------------------------------------------------------------------------------

  private take(chunk: Buffer): boolean {
    try {
      switch (this.input) {
        case 'head':
          return this.takeHead(chunk);
        case 'length':
          this.inputBytesLeft -= chunk.length;
          return this.sendLast(chunk, this.inputBytesLeft <= 0);
        case 'chunked':
          return this.takeChunked(chunk);
        case 'raw':
          return this.send(chunk);
        case 'none':
          return true;
        default:
          throw new Error(`unhandled input ${String(this.input satisfies never)}`);
      }
    } catch (error) {
      // The relay wrote this itself.
      this.failLater(ResetCode.INTERNAL, `the request cannot be said in HTTP/2: ${(error as Error).message}`);
      return true;
    }
  }

  /** The exchange writes the whole head at once. */
  private takeHead(chunk: Buffer): boolean {
    const reader = new HeadReader(HEAD_LIMITS);
    if (reader.push(chunk, 0) !== chunk.length) throw new Error('the head is not whole');
    const head = parseRequestHead(reader.buffer, reader.start, reader.end, HEAD_LIMITS);
    this.head = head;
    this.fields = requestFields(head, this.scheme);
    if (head.upgrade !== '') {
      this.input = 'raw';
    } else if (head.framing === Framing.CHUNKED) {
      this.input = 'chunked';
      this.scanner = new ChunkedScanner('decoded', CHUNKED_LIMITS);
    } else if (head.contentLength > 0) {
      this.input = 'length';
      this.inputBytesLeft = head.contentLength;
    } else {
      this.input = 'none';
      this.isRequestDone = true;
    }
    this.session.submit(this);
    return this.request !== null || this.isRequestDone;
  }

  private takeChunked(chunk: Buffer): boolean {
    let hasRoom = this.request !== null;
    this.scanner!.scan(chunk, 0, (buffer, start, end) => {
      hasRoom = this.send(buffer.subarray(start, end));
    });
    if (this.scanner!.done) this.finishRequest(this.scanner!.trailers);
    return hasRoom;
  }

  private sendLast(chunk: Buffer, isLast: boolean): boolean {
    const hasRoom = this.send(chunk);
    if (isLast) this.finishRequest(null);
    return hasRoom;
  }

  private send(chunk: Buffer): boolean {
    const { request } = this;
    if (this.replay) {
      this.replay.push(chunk);
      this.replayBytes += chunk.length;
    }
    if (request === null) return false;
    this.limitReplay();
    return request.closed || request.destroyed || request.write(chunk);
  }

  private finishRequest(trailers: Fields | null): void {
    this.isRequestDone = true;
    this.input = 'none';
    this.requestTrailers = trailers;
    const { request } = this;
    if (request && !request.closed && !request.destroyed) request.end();
  }

  private limitReplay(): void {
    if (this.replayBytes > MAX_REPLAY_BYTES) this.replay = null;
  }

  private handleDrain(request: ClientHttp2Stream): void {
    if (request !== this.request || !this.wantsDrain || !this.isOpen) return;
    this.wantsDrain = false;
    this.handler.onDrain();
  }

  // --- Response -------------------------------------------------------------------------------------------

  /** Runs `handle` for an event of `request`, unless it is not this stream's business any more. */
  private receive(request: ClientHttp2Stream, handle: () => void): void {
    if (request !== this.request || !this.isOpen) return;
    try {
      handle();
    } catch (error) {
      if (!(error instanceof Http2ResponseError)) throw error;
      this.fail(ResetCode.INGRESS_PROTOCOL, error.message);
    }
  }

  private handleInterim(fields: ResponseFields): void {
    if (this.framing === null) this.emitText(interimHeadText(fields));
  }

  private handleResponse(fields: ResponseFields, isWhole: boolean): void {
    const head = this.head!;
    const status = fields[':status'] ?? 0;
    this.replay = null;
    if (this.isUpgrade && status < 300) {
      this.framing = 'raw';
      this.emitText(switchingHeadText(fields, head.value(head.find(Field.SEC_WEBSOCKET_KEY))));
      return;
    }
    const hasNoBody = head.method === 'HEAD' || status === 204 || status === 304;
    const length = fields['content-length'];
    if (hasNoBody) {
      this.framing = 'none';
    } else if (isWhole) {
      // gRPC's responses of trailers only: the empty body lets them leave as one frame again.
      this.framing = 'empty';
    } else if (length !== undefined && !mayHaveTrailers(head, fields)) {
      this.framing = 'length';
      this.outputBytesLeft = Number(length);
    } else {
      this.framing = 'chunked';
    }
    this.emitText(responseHeadText(fields, this.framing));
  }

  private handleData(chunk: Buffer): void {
    switch (this.framing) {
      case 'raw':
        this.emit(chunk);
        return;
      case 'length':
        this.outputBytesLeft -= chunk.length;
        if (this.outputBytesLeft < 0) throw new Http2ResponseError('sent more than its Content-Length');
        this.emit(chunk);
        return;
      case 'chunked':
        if (chunk.length > 0) this.emit(chunkOf(chunk));
        return;
      case 'none':
      case 'empty':
      case null:
        // nghttp2 refuses a body where there is none.
        return;
      default:
        throw new Error(`unhandled framing ${String(this.framing satisfies never)}`);
    }
  }

  /** Node ends a stream that was reset like one that is complete: only the frames tell. */
  private handleEnd(): void {
    if (!this.hasEndStream) return;
    if (this.framing === 'length' && this.outputBytesLeft > 0)
      throw new Http2ResponseError('sent less than its Content-Length');
    this.isResponseDone = true;
    if (this.framing === 'chunked') this.emitText(`0${CRLF}${this.responseTrailers}${CRLF}`);
    else this.flush();
  }

  private handleClose(request: ClientHttp2Stream): void {
    if (request !== this.request) return;
    this.leaveSession();
    this.flush();
    const code = request.rstCode;
    if (this.isResponseDone && (this.framing !== 'raw' || this.isRequestDone)) {
      // The exchange resets this stream as soon as it has taken the rest.
    } else if (code === NGHTTP2_REFUSED_STREAM && this.replay !== null && this.attempts < MAX_ATTEMPTS) {
      this.retry();
    } else if (this.hasPeerReset || code === NGHTTP2_REFUSED_STREAM) {
      this.fail(ResetCode.INGRESS_RESET, `reset the request (${errorName(code)})`);
    } else {
      this.fail(ResetCode.INGRESS_PROTOCOL, `broke the rules of HTTP/2 (${errorName(code)})`);
    }
  }

  /** RFC 9113 §8.7: a refused request was not processed, so even one that is not idempotent may be sent again. */
  private retry(): void {
    if (!this.isOpen) return;
    this.attempts++;
    this.request = null;
    this.hasPeerReset = false;
    this.reassign(this);
  }

  private emitText(text: string): void {
    this.emit(Buffer.from(text, 'latin1'));
  }

  private emit(chunk: Buffer): void {
    if (this.output.push(chunk) === 1) setImmediate(this.flush);
  }

  private readonly flush = (): void => {
    const { output } = this;
    if (this.isPaused || !this.isOpen) return;
    if (output.length > 0) {
      this.output = [];
      this.handler.onData(output.length === 1 ? output[0] : Buffer.concat(output));
    }
    if (this.isResponseDone && this.framing === 'raw') this.deliverEnd();
  };

  /** Of an upgraded connection. */
  private deliverEnd(): void {
    if (this.isEndDelivered || this.isPaused || !this.isOpen) return;
    this.isEndDelivered = true;
    if (this.isRequestDone) this.close();
    this.handler.onEnd();
  }

  // --- Ends -----------------------------------------------------------------------------------------------

  private fail(code: ResetCode, detail: string): void {
    if (!this.isOpen) return;
    this.close();
    this.cancel();
    this.handler.onReset(code, detail);
  }

  private cancel(): void {
    this.request?.close(NGHTTP2_CANCEL);
  }

  /** As `fail`, from within a call of the exchange. */
  private failLater(code: ResetCode, detail: string): void {
    queueMicrotask(() => this.fail(code, detail));
  }

  private close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.replay = null;
    this.output = [];
    // With a request, its place is free once that is closed.
    if (this.request === null) this.leaveSession();
    // What nobody will read must not wait in Node's stream.
    this.request?.resume();
  }

  private leaveSession(): void {
    this.session.release(this, this.request?.id);
  }
}

/**
 * Whether a response that says its length may have trailers as well, which HTTP/1.1 has no words for: then the length
 * is dropped. RFC 9110 §6.5.1 asks for `TE` in the request, §6.6.2 for `Trailer` in the response; gRPC takes both as read.
 */
function mayHaveTrailers(request: RequestHead, response: ResponseFields): boolean {
  if (request.find(Field.TE) < 0) return false;
  return response['trailer'] !== undefined || /^application\/grpc/i.test(response['content-type'] ?? '');
}
