import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { RequestHead } from '@culvert/http1';
import { HTTP2_STREAM_BUFFER_BYTES } from './limits.js';
import type { TakenStream, TakenStreamHandler } from './taken-stream.js';

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = constants;

const END_STREAM = { endStream: true };
const WITH_TRAILERS = { waitForTrailers: true };

/** Of who has not said yet that it listens. */
const NOBODY: TakenStreamHandler = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };

/** A taken stream over Node's `http2`. */
export class Http2TakenStream implements TakenStream {
  handler: TakenStreamHandler = NOBODY;
  private isReading = false;
  private isDrainExpected = false;
  private isClosed = false;
  private trailers: OutgoingHttpHeaders = {};

  constructor(
    private readonly stream: ServerHttp2Stream,
    readonly head: RequestHead,
    readonly peer: string,
    private readonly hasBody: boolean,
  ) {}

  respond(fields: Readonly<Record<string, string>>): void {
    const { stream } = this;
    if (this.isGone || stream.headersSent) return;
    stream.on('wantTrailers', () => {
      if (!this.isGone) stream.sendTrailers(this.trailers);
    });
    stream.respond({ ':status': 200, ...fields }, WITH_TRAILERS);
  }

  write(bytes: Buffer): boolean {
    const { stream } = this;
    if (this.isGone || stream.writableEnded) return true;
    stream.write(bytes);
    if (stream.writableLength < HTTP2_STREAM_BUFFER_BYTES) return true;
    if (!this.isDrainExpected) {
      this.isDrainExpected = true;
      stream.on('drain', () => this.handler.onDrain());
    }
    return false;
  }

  pause(): void {
    if (this.isReading) this.stream.pause();
  }

  resume(): void {
    if (this.isGone) return;
    if (this.isReading) {
      this.stream.resume();
      return;
    }
    this.isReading = true;
    if (!this.hasBody) {
      queueMicrotask(() => this.handleEnd());
      return;
    }
    this.stream.on('data', (chunk: Buffer) => {
      if (!this.isClosed && chunk.length > 0) this.handler.onData(chunk);
    });
    this.stream.on('end', () => this.handleEnd());
  }

  end(trailers: Readonly<Record<string, string>>): void {
    const { stream } = this;
    if (this.isGone || stream.writableEnded) return;
    if (stream.headersSent) {
      this.trailers = trailers;
      stream.end();
    } else {
      stream.respond({ ':status': 200, ...trailers }, END_STREAM);
    }
  }

  reset(): void {
    if (!this.isGone) this.stream.close(NGHTTP2_CANCEL);
  }

  /**
   * Called a few times a second. RFC 9113 §8.1: once the answer is complete, the rest of the request is not wanted. To
   * say so any earlier would make Node drop what it has not sent yet, the trailers first.
   */
  sweep(): void {
    if (this.stream.writableFinished && !this.isGone) this.stream.close(NGHTTP2_NO_ERROR);
  }

  /** The stream is gone. May be called more than once. */
  handleClose(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.handler.onClose();
  }

  private handleEnd(): void {
    // A stream that was reset ends too, and its close follows.
    if (!this.isGone) this.handler.onEnd();
  }

  private get isGone(): boolean {
    return this.isClosed || this.stream.destroyed || this.stream.closed;
  }
}
