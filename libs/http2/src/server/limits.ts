/** What one connection may cost. */
export interface ConnectionLimits {
  /** Requests under way, MAX_CONCURRENT_STREAMS; further ones are refused (REFUSED_STREAM). */
  readonly maxStreams: number;
  /** Streams that end before their response does, per `RATE_WINDOW_MS`. */
  readonly maxResets: number;
  /** PING and SETTINGS frames per `RATE_WINDOW_MS`, but for one PING after sent DATA; as many others that carry nothing. */
  readonly maxControlFrames: number;
  /** Bytes of one request body that may arrive before they are wanted; at least the initial window. */
  readonly windowBytes: number;
  /** MAX_HEADER_LIST_SIZE. Larger lists are not kept, and their streams reset. */
  readonly maxListBytes: number;
  /** Fields of one list, cookies being split. */
  readonly maxFields: number;
}

/** The time in which events are counted. */
export const RATE_WINDOW_MS = 10_000;

/** CONTINUATION frames of one field block. */
export const MAX_CONTINUATIONS = 8;

/** DATA frames without bytes and without END_STREAM, per `RATE_WINDOW_MS`. */
export const MAX_EMPTY_DATA = 100;

/** Frames without content that each request and each DATA frame makes up for, among them WINDOW_UPDATE. */
export const NOISE_PER_FRAME = 4;

/** What all request bodies of one connection may have arrive beyond their initial windows, in windows. */
export const EXTRA_WINDOWS = 16;

/** Output held per stream before its writer is paused. */
export const STREAM_BUFFER_BYTES = 65_536;

/** Output handed to the socket that has not left, above which streams wait. */
export const SOCKET_HIGH_WATER_BYTES = 131_072;

/** Frames held back while the socket is full, above which nothing more is read. */
export const MAX_HELD_BYTES = 262_144;

/** Streams ended on this side of which frames may still be on their way. */
export const MAX_ABANDONED = 1024;

/** Field blocks that are recognised when they come again, and the largest. */
export const MAX_KNOWN_BLOCKS = 16;
export const MAX_KNOWN_BLOCK_BYTES = 1024;
