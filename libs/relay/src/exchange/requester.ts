import type { Fields, HeadReader, RequestHead, ResponseHead } from '@culvert/http1';
import type { OwnAnswer } from '../answers/own-answer.js';
import type { RelayError } from '../answers/relay-error.js';
import type { Route } from '../routing/route.js';
import type { ReplayMark } from './exchange-trace.js';

/** The side of one exchange that sent the request, in any HTTP version: the part that the exchange uses. */
export interface Requester {
  /** Set when the request is a replay, which the API has let in already. */
  readonly replay?: ReplayMark;
  /** Address of the connection's other end. */
  readonly peer: string;
  readonly isHttp2: boolean;
  /** Returns the id that the request has: one of a trusted proxy, or a new one. */
  requestIdOf(request: RequestHead): string;
  /** Collects response heads; lent to one exchange at a time. */
  readonly responseReader: HeadReader;
  /** The head to send to the ingress for `request`. */
  outgoingHead(request: RequestHead, route: Route): Buffer;
  /** How `sendBody` wants a chunked response: with its chunk framing or without. */
  chunkedOutput(): 'decoded' | 'encoded';
  sendInterim(response: ResponseHead, route: Route): void;
  /** Takes the final head. It may leave together with the first body bytes; `flush` sends what is held. */
  sendHead(response: ResponseHead, route: Route): void;
  /** Returns false when the visitor reads slower than this; `Exchange.handleRequesterDrain` follows. */
  sendBody(buffer: Buffer, start: number, end: number): boolean;
  flush(): void;
  /** Takes a 101 response; from now on `sendRaw`, `endRaw` and `Exchange.pushRaw` carry the bytes. May cancel. */
  switchProtocols(response: ResponseHead, route: Route): void;
  sendRaw(chunk: Buffer): boolean;
  endRaw(): void;
  /** Both directions of an upgraded connection are over: what the visitor still sends is dropped. */
  finishRaw(): void;
  /** The response is complete. `isRequestDone` shows whether the connection can carry another request. */
  complete(trailers: Fields | null, isRequestDone: boolean): void;
  /** Answers with an error. Only before any byte of a response was sent. */
  sendError(error: RelayError, isRequestDone: boolean): void;
  /** The same with an answer that is not an error. */
  sendAnswer(answer: OwnAnswer, isRequestDone: boolean): void;
  /** Drops a response of which nothing has left, so that `sendError` or `sendAnswer` can follow. Returns false when something has. */
  withdraw(): boolean;
  /** Breaks the response off visibly and at once: it cannot be completed. */
  abort(): void;
  /** The same behind the bytes that were written. */
  endEarly(): void;
  /** Pauses or resumes the bytes of the request's body. */
  pauseBody(): void;
  resumeBody(): void;
}
