import type { HeadLimits, RequestHead, ResponseHead } from '@culvert/http1';

/**
 * Changes bodies of responses on their way to the visitor, as a banner does in pages. A route carries one where its
 * responses may be changed; the relay does not know which responses these are, nor the changes.
 */
export interface BodyFilter {
  /**
   * Reports whether it may change the answer to `request`; `requestLines` then replace some lines of the request.
   * Called for each request of the route, so that it must cost little where the answer is no.
   */
  concerns(request: RequestHead): boolean;
  /** Reports whether line `i` of a request that it concerns does not reach the service. */
  replaces(request: RequestHead, i: number): boolean;
  /** Returns the lines that the service gets instead, each with its CRLF. */
  requestLines(request: RequestHead): string;
  /**
   * Begins the body of one response; null leaves the response as it is.
   * @param limits those of heads
   * @param sink receives the changed bytes
   */
  open(request: RequestHead, response: ResponseHead, limits: HeadLimits, sink: BodySink): FilteredBody | null;
}

/** The body of one response on its way through a filter. */
export interface FilteredBody {
  /** The head that the visitor gets: fields about length or bytes of the service's own body no longer apply. */
  readonly head: ResponseHead;
  /** Whether bytes may come later than `push` and `end` return. */
  readonly isDeferred: boolean;
  /** Takes chunk[start..end). Returns false when it has enough for now. */
  push(chunk: Buffer, start: number, end: number): boolean;
  /** The service's body is complete. */
  end(): void;
  /** The sink has room again. */
  resume(): void;
  /** Releases everything. Called once, after the last byte or instead of it. */
  destroy(): void;
}

/** Where the bytes of a `FilteredBody` go. */
export interface BodySink {
  /** Returns false when no more should come before `FilteredBody.resume`. */
  sendFiltered(bytes: Buffer): boolean;
  /** `FilteredBody.push` may be called again after it returned false. */
  handleFilterRoom(): void;
  /** Everything was sent. */
  handleFilterEnd(): void;
  /** The body does not match its head. @param detail one sentence for the visitor */
  handleFilterFault(detail: string): void;
}
