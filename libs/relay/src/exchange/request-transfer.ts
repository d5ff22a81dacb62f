import { ChunkedScanner, Framing, lastChunk, type RangeSink, type RequestHead } from '@culvert/http1';
import type { Stream } from '@culvert/tunnel';
import { RelayError } from '../answers/relay-error.js';
import { CHUNKED_LIMITS } from '../limits.js';
import type { Route } from '../routing/route.js';
import type { PooledStream } from '../upstream/stream-pool.js';
import type { BodyCapture, ExchangeTrace } from './exchange-trace.js';

/** The part of an exchange that the body of its request uses. */
export interface RequestTransferHost {
  readonly request: RequestHead;
  /** Null unless the preview is watched. */
  readonly trace: ExchangeTrace | null;
  /** Counts bytes that go to the service. */
  countIn(bytes: number): void;
  /** The stream takes no more for now. Its `onDrain` follows. */
  pauseBody(): void;
  /** Ends the exchange, because the body is malformed or too large. */
  failWith(cause: unknown, side: 'request'): void;
}

/** Reports whether a body follows the head of `request`. A length of 0 counts as no body. */
export function hasBody(request: RequestHead): boolean {
  return request.framing === Framing.CHUNKED || request.contentLength > 0;
}

/** Returns the answer to a request whose body is longer than `maxBodyBytes`. */
export function tooLarge(maxBodyBytes: number): RelayError {
  return new RelayError('body_too_large', `Request bodies can have at most ${maxBodyBytes} bytes here.`);
}

/** Once so many bytes of a body are kept for another stream, the rest waits until the stream is open. */
const MAX_KEPT_BYTES = 65_536;

/**
 * The body of one request on its way to its stream. Made when the exchange has a stream, and only for a request with a body.
 * Such a request is not repeated. It moves to another stream only if the first was refused, and nothing of it passed on.
 */
export class RequestTransfer {
  /** Whether the whole body has arrived. */
  isDone = false;
  /** Whether all that has arrived can still go to another stream. */
  isMovable = true;
  /** Bytes that went to the stream while it may be refused; null: they are not kept. */
  private kept: Buffer[] | null;
  private keptBytes = 0;
  /** Bytes still to come of a body with a length. */
  private bytesLeft: number;
  /** Bytes of a chunked body so far, as they go to the service. */
  private bytes = 0;
  /** Null for a body with a length. */
  private readonly scanner: ChunkedScanner | null;
  private readonly sink: RangeSink | null;
  private stream: Stream;
  /** Keeps the first bytes of the body; null if they are not kept. */
  private readonly capture: BodyCapture | null;

  /**
   * @param pooled the stream; `mayBeRefused`: what goes to it is kept until `handleOpen`
   * @param maxBodyBytes limit of a chunked body; 0: none
   */
  constructor(
    private readonly host: RequestTransferHost,
    private readonly route: Route,
    pooled: PooledStream,
    private readonly maxBodyBytes: number,
  ) {
    const { request, trace } = host;
    this.stream = pooled.stream;
    this.kept = pooled.mayBeRefused ? [] : null;
    this.capture = trace === null ? null : trace.requestBody;
    this.bytesLeft = request.contentLength;
    const isChunked = request.framing === Framing.CHUNKED;
    this.scanner = isChunked ? new ChunkedScanner('encoded', CHUNKED_LIMITS) : null;
    this.sink = isChunked ? (buffer, start, end) => this.sendChunks(buffer, start, end) : null;
  }

  /** Sends body bytes of chunk[offset..). Returns the offset after the last one that was taken. */
  push(chunk: Buffer, offset: number): number {
    const { scanner, sink } = this;
    if (scanner !== null && sink !== null) return this.pushChunked(scanner, sink, chunk, offset);
    const end = Math.min(chunk.length, offset + this.bytesLeft);
    this.host.countIn(end - offset);
    this.capture?.add(chunk, offset, end);
    this.bytesLeft -= end - offset;
    this.isDone = this.bytesLeft === 0;
    this.write(offset === 0 && end === chunk.length ? chunk : chunk.subarray(offset, end));
    return end;
  }

  private pushChunked(scanner: ChunkedScanner, sink: RangeSink, chunk: Buffer, offset: number): number {
    let next: number;
    try {
      next = scanner.scan(chunk, offset, sink);
    } catch (error) {
      this.host.failWith(error, 'request');
      return chunk.length;
    }
    this.host.countIn(next - offset);
    if (this.maxBodyBytes > 0 && this.bytes > this.maxBodyBytes) {
      this.host.failWith(tooLarge(this.maxBodyBytes), 'request');
      return chunk.length;
    }
    if (scanner.done) {
      this.isDone = true;
      this.write(Buffer.from(lastChunk(scanner.trailers, this.route.ownedNames), 'latin1'));
    }
    return next;
  }

  private sendChunks(buffer: Buffer, start: number, end: number): void {
    this.bytes += end - start;
    this.capture?.add(buffer, start, end);
    this.write(buffer.subarray(start, end));
  }

  /** Whether the rest of the body waits until the stream is open. */
  get isHeld(): boolean {
    return this.kept !== null && this.keptBytes >= MAX_KEPT_BYTES;
  }

  /** The stream is open: it can no longer be refused. Returns whether the rest of the body waited for that. */
  handleOpen(): boolean {
    const { isHeld } = this;
    if (this.kept !== null && this.kept.length > 0) this.isMovable = false;
    this.kept = null;
    return isHeld;
  }

  /** Sends all that has arrived to another stream, and what follows. Only while the body `isMovable`. */
  moveTo({ stream, mayBeRefused }: PooledStream): void {
    const { kept } = this;
    this.stream = stream;
    this.kept = mayBeRefused ? [] : null;
    this.keptBytes = 0;
    if (kept !== null) for (const bytes of kept) this.write(bytes);
  }

  private keep(bytes: Buffer): void {
    if (this.kept === null) {
      this.isMovable = false;
    } else {
      this.kept.push(bytes);
      this.keptBytes += bytes.length;
    }
  }

  private write(bytes: Buffer): void {
    if (this.isMovable) this.keep(bytes);
    if (!this.stream.write(bytes) || this.isHeld) this.host.pauseBody();
  }
}
