/** Limits of one connection. */
export interface ConnectionLimits {
  /** Requests under way, MAX_CONCURRENT_STREAMS; further ones are refused (REFUSED_STREAM). */
  readonly maxStreams: number;
  /** Streams that end before their response does, per `RATE_WINDOW_MS`. */
  readonly maxResets: number;
  /** PING and SETTINGS frames per `RATE_WINDOW_MS`, but for one PING after sent DATA; as many others that carry nothing. */
  readonly maxControlFrames: number;
  /** Bytes of one request body that may arrive before they are read; at least the initial window. */
  readonly windowBytes: number;
  /** MAX_HEADER_LIST_SIZE. Larger lists are not kept, and their streams reset. */
  readonly maxListBytes: number;
  /** Fields of one list, cookies being split. */
  readonly maxFields: number;
}

/** How much all request bodies of one connection may exceed their initial windows, in windows. */
export const EXTRA_WINDOWS = 16;
