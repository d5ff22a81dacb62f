import type { RequestHead } from '@culvert/http1';

/** Receives the events of one handed-off stream. No call follows `onClose`. */
export interface HandedOffStreamHandler {
  /** Bytes of the request's body, in order. */
  onData(chunk: Buffer): void;
  /** The visitor has sent everything; answering is still possible. */
  onEnd(): void;
  /** `write` may be called again after it returned false. */
  onDrain(): void;
  /** The stream is gone, for whatever reason: ended, reset by either side, or its connection was lost. */
  onClose(): void;
}

/**
 * One HTTP/2 request that is handed off whole, with its body and the body of its answer as they come, instead of
 * becoming an exchange. Lives as long as both sides like: the connection below it is kept alive with PINGs, and ended
 * when it does not answer them. Methods do nothing on a stream that is gone.
 *
 * Nothing here depends on the framing. Since a whole tunnel may run through one of these, an implementation
 * gives it as large a window as it can.
 */
export interface HandedOffStream {
  readonly head: RequestHead;
  /** Address of the other end. */
  readonly peer: string;
  /** Receives the events. Set it before the turn that hands the stream off ends; nothing arrives before `resume`. */
  handler: HandedOffStreamHandler;
  /** Sends the head of the answer: status 200 and these fields, whose names are in lower case. Once. */
  respond(fields: Readonly<Record<string, string>>): void;
  /** Sends bytes; takes ownership of them. Always accepts, and returns false when to wait for `onDrain`. */
  write(bytes: Buffer): boolean;
  /** Stops `onData`. What the visitor sends then waits, bounded by the stream's window. */
  pause(): void;
  /** Begins or continues `onData`. */
  resume(): void;
  /**
   * Ends the answer with trailers, or, where no head went out yet, with a head of these fields alone. What the visitor
   * still sends is dropped.
   */
  end(trailers: Readonly<Record<string, string>>): void;
  /** Ends both directions at once, without an answer. */
  reset(): void;
}
