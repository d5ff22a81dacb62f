/** The time in which events are counted. */
export const RATE_WINDOW_MS = 10_000;

/** CONTINUATION frames of one field block. */
export const MAX_CONTINUATIONS = 8;

/** DATA frames without bytes and without END_STREAM, per `RATE_WINDOW_MS`. */
export const MAX_EMPTY_DATA = 100;

/** Frames without content that each message and each DATA frame makes up for, among them WINDOW_UPDATE. */
export const NOISE_PER_FRAME = 4;

/** Output held per stream before its writer is paused. */
export const STREAM_BUFFER_BYTES = 65_536;

/** Unsent bytes in the transport above which streams wait. */
export const HIGH_WATER_BYTES = 131_072;

/** Frames held back by a full transport above which nothing more is read. */
export const MAX_HELD_BYTES = 262_144;

/** Streams that ended on this side, and whose frames may still be on their way. */
export const MAX_ABANDONED = 1024;

/** Bytes for which an empty DATA frame or a field block for such a stream counts, in addition to DATA within its window. */
export const EMPTY_FRAME_BYTES = 16_384;

/** Bytes that such a stream may have beyond its window: a head, an interim one, trailers or an empty end. */
export const ABANDONED_ALLOWANCE_BYTES = 4 * EMPTY_FRAME_BYTES;

/** Field blocks that are recognized when they come again, and the largest. */
export const MAX_KNOWN_BLOCKS = 16;
export const MAX_KNOWN_BLOCK_BYTES = 1024;
