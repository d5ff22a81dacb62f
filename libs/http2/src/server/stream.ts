/** One request and its response, at the server's end (RFC 9113 §8.1). */
import { ErrorCode, INITIAL_WINDOW_BYTES } from '../frames/frame.js';
import type { HpackEncoder } from '../hpack/encoder.js';
import type { HeaderField } from '../hpack/header-field.js';
import { type BodyHandler, type BodyHost, BodyStream } from '../connection/body-stream.js';
import { StreamState } from '../connection/stream-state.js';

/** Serves a stream. Its `onData` and `onEnd` are about the request's body. */
export type StreamHandler = BodyHandler;

/** The connection as its streams use it. */
export interface StreamHost extends BodyHost<BodyStream<StreamHandler>> {
  /** Reserves all remaining window growth of this connection, and widens the connection's own window to match. */
  reserveAllExtra(windowBytes: number): number;
}

export class ServerStream extends BodyStream<StreamHandler> {
  constructor(
    private readonly connection: StreamHost,
    id: number,
    /** Credit of this side. May be negative (§6.9.2). */
    sendWindow: number,
    isRequestDone: boolean,
    /** Bytes of the body that are still to come, or -1 when the request does not state it. */
    bodyBytesLeft: number,
  ) {
    super(connection, id, {
      sendWindow,
      windowBytes: INITIAL_WINDOW_BYTES,
      state: isRequestDone ? StreamState.HALF_CLOSED_REMOTE : StreamState.OPEN,
      bodyBytesLeft,
    });
  }

  /** Whether END_STREAM has left, so that the response is complete for the peer. */
  get isResponseSent(): boolean {
    return this.isSent;
  }

  /**
   * Opens the window as far as the connection's budget goes, at the expense of other streams. For a request that is as
   * long-lived as its connection, and whose bytes are read as they come.
   */
  openWindow(): void {
    if (this.isClosed || this.isInputDone) return;
    const extra = this.connection.reserveAllExtra(this.window.size);
    if (extra === 0) return;
    this.window.widen(extra);
    this.connection.output.frames().windowUpdate(this.id, extra);
  }

  /** Begins the block of a response, interim or final. Fields follow, then `sendHeaders`, with nothing in between. */
  beginHeaders(status: number): HpackEncoder {
    const { encoder } = this.connection;
    encoder.begin();
    encoder.status(status);
    return encoder;
  }

  /** Sends the block that was begun. */
  sendHeaders({ endStream }: { readonly endStream: boolean }): void {
    if (this.isClosed) throw new Error('headers on a closed stream');
    this.sendBlock(endStream);
  }

  // --- For the connection ---------------------------------------------------------------------------------

  /**
   * A DATA frame with `chunk` came.
   * @param frameBytes bytes that count in windows, padding included
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
    this.accept(chunk);
    if (frameBytes > chunk.length) this.credit(frameBytes - chunk.length);
    if (isLast) this.endInput();
  }

  /** Trailers came: the request is complete. */
  handleTrailers(trailers: readonly HeaderField[]): void {
    if (this.isInputDone) this.reset(ErrorCode.STREAM_CLOSED);
    else if (!this.countBody(0, true)) this.reset(ErrorCode.PROTOCOL_ERROR);
    else this.endInput(trailers);
  }
}
