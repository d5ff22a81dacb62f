/** One request and its response, at the client's end (RFC 9113 §8.1). */
import type { ByteQueue } from '@culvert/flow';
import { type BodyHandler, type BodyHost, BodyStream } from '../connection/body-stream.js';
import { StreamState } from '../connection/stream-state.js';
import { ErrorCode } from '../frames/frame.js';
import type { ClientCall } from './call.js';
import { MAX_INTERIM } from './limits.js';
import type { FieldSection, ResponseFields } from './response-fields.js';

/** Receives the response of a request. Its `onData` and `onEnd` are about the response's body. */
export interface ResponseHandler extends BodyHandler {
  /** An interim response (1xx) came. */
  onInterim(response: ResponseFields): void;
  /** The response began. @param isWhole whether neither a body nor trailers follow: `onEnd` is next */
  onResponse(response: ResponseFields, isWhole: boolean): void;
}

/**
 * Why a stream ended before both messages were complete.
 * - `none`: they were complete, or this side reset it
 * - `refused`: the peer did not process the request, which may be sent again (§8.7)
 * - `reset`: the peer reset it
 * - `malformed`: the peer broke a rule, and this side reset it
 * - `lost`: the connection is gone
 */
export type StreamFailure = 'none' | 'refused' | 'reset' | 'malformed' | 'lost';

export interface RequestOptions {
  /** Whether the head is all of the request. */
  readonly endStream: boolean;
  /** The request's method, which decides how the response ends: HEAD and CONNECT differ. */
  readonly method: string;
}

/** The connection as its streams use it. */
export interface ClientStreamHost extends BodyHost<BodyStream<ResponseHandler>> {
  readonly windowBytes: number;
  readonly peer: { readonly windowBytes: number };
  readonly nextStreamId: number;
  open(stream: ClientStream, options: RequestOptions): void;
}

export class ClientStream extends BodyStream<ResponseHandler> implements ClientCall {
  /** Why the stream ended; final once `onClose` is called. */
  failure: StreamFailure = 'none';
  /** The error code of `failure`, which may have any value when the peer sent it. */
  failureCode: number = ErrorCode.NO_ERROR;
  /** The status of the final response, or 0 until it arrives. */
  private status = 0;
  private interimCount = 0;

  private constructor(
    host: ClientStreamHost,
    private readonly options: RequestOptions,
  ) {
    super(host, host.nextStreamId, {
      sendWindow: host.peer.windowBytes,
      windowBytes: host.windowBytes,
      state: options.endStream ? StreamState.HALF_CLOSED_LOCAL : StreamState.OPEN,
      bodyBytesLeft: -1,
    });
  }

  /**
   * Begins a request with the block that was written since the connection's `beginHeaders`. Only while it `mayOpen`. The
   * response's body waits until `resume`.
   */
  static open(host: ClientStreamHost, handler: ResponseHandler, options: RequestOptions): ClientStream {
    const stream = new ClientStream(host, options);
    stream.attach(handler);
    host.open(stream, options);
    return stream;
  }

  // --- For the connection ---------------------------------------------------------------------------------

  handleFlow(length: number): void {
    if (this.isInputDone) this.handleViolation(ErrorCode.STREAM_CLOSED);
    else if (this.status === 0) this.handleViolation(ErrorCode.PROTOCOL_ERROR);
    else if (!this.window.receive(length)) this.handleViolation(ErrorCode.FLOW_CONTROL_ERROR);
  }

  handleData(buffer: Buffer, from: number, to: number): void {
    if (this.countBody(to - from, false)) this.accept(buffer.subarray(from, to));
    else this.handleViolation(ErrorCode.PROTOCOL_ERROR);
  }

  handleDataEnd(overhead: number, isLast: boolean): void {
    if (overhead > 0) this.credit(overhead);
    if (!isLast) return;
    if (this.countBody(0, true)) this.endInput();
    else this.handleViolation(ErrorCode.PROTOCOL_ERROR);
  }

  handleFields(section: FieldSection, isLast: boolean): void {
    if (this.isInputDone) this.handleViolation(ErrorCode.STREAM_CLOSED);
    else if (this.status !== 0) this.handleTrailers(section, isLast);
    else this.handleHead(section, isLast);
  }

  handleRefused(): void {
    this.fail('refused', ErrorCode.REFUSED_STREAM);
  }

  override handleViolation(code: ErrorCode): void {
    if (this.isClosed) return;
    this.note('malformed', code);
    this.reset(code);
  }

  override handleReset(code: number): void {
    this.fail(code === ErrorCode.REFUSED_STREAM ? 'refused' : 'reset', code);
  }

  override handleLost(): void {
    this.fail('lost', ErrorCode.NO_ERROR);
  }

  /** Unread bytes must not keep the reads that they came in, which may be much larger. */
  protected override hold(input: ByteQueue, chunk: Buffer): void {
    input.pushCompact(chunk);
  }

  // --- Parts ----------------------------------------------------------------------------------------------

  private handleHead({ response }: FieldSection, isLast: boolean): void {
    if (response === null) {
      this.handleViolation(ErrorCode.PROTOCOL_ERROR);
      return;
    }
    const { status } = response;
    if (status < 200) {
      if (isLast) this.handleViolation(ErrorCode.PROTOCOL_ERROR);
      else if (++this.interimCount > MAX_INTERIM) this.handleViolation(ErrorCode.ENHANCE_YOUR_CALM);
      else this.handler?.onInterim(response);
      return;
    }
    this.status = status;
    this.bodyBytesLeft = bodyBytesOf(this.options.method, response);
    if (isLast && !this.countBody(0, true)) {
      this.handleViolation(ErrorCode.PROTOCOL_ERROR);
      return;
    }
    this.handler?.onResponse(response, isLast);
    if (isLast) this.endInput();
  }

  private handleTrailers({ trailers }: FieldSection, isLast: boolean): void {
    if (isLast && trailers !== null && this.countBody(0, true)) this.endInput(trailers);
    else this.handleViolation(ErrorCode.PROTOCOL_ERROR);
  }

  /** A complete response may still be read: only the rest of the request is dropped. */
  private fail(failure: StreamFailure, code: number): void {
    if (this.isInputDone) {
      this.abandonOutput();
      return;
    }
    this.note(failure, code);
    super.handleLost();
  }

  private note(failure: StreamFailure, code: number): void {
    this.failure = failure;
    this.failureCode = code;
  }
}

/** Returns bytes of the body that a response must have (RFC 9110 §6.4.1), or -1 when only its end shows. */
function bodyBytesOf(method: string, { status, contentLength }: ResponseFields): number {
  if (method === 'HEAD' || status === 204 || status === 304) return 0;
  return method === 'CONNECT' && status < 300 ? -1 : contentLength;
}
