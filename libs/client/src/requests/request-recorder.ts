import type { Fields, RequestHead, ResponseHead } from '@culvert/http1';

/** Receives what requests on their way to a target of this machine consist of. It must not change any bytes, nor keep buffers. */
export interface RequestRecorder {
  /** Returns null if the request is not recorded. */
  begin(head: RequestHead): RequestRecord | null;
}

/** One request and its response. Bodies come without chunk framing, and bytes of an upgraded connection as they are. */
export interface RequestRecord {
  addRequest(bytes: Buffer, from: number, to: number): void;
  /** The final head of the response, or that of a 101. */
  answered(head: ResponseHead): void;
  addResponse(bytes: Buffer, from: number, to: number): void;
  trailed(trailers: Fields): void;
  /**
   * Called once, at the end.
   * @param failure why the response is not complete, for people; null: it is
   * @param oddities what is wrong with it, as bits of `Oddity`
   */
  ended(failure: string | null, oddities: number): void;
}
