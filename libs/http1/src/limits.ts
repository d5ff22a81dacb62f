/** Limits of one head. All are checked before anything is stored. */
export interface HeadLimits {
  /** Bytes of the whole head, from its first line to the empty line inclusive; at most 1 MiB. Above: 431. */
  readonly maxHeadBytes: number;
  /** Field lines. Beyond: 431. */
  readonly maxFieldCount: number;
  /** Bytes of the request target; a status line may be as long as a request line. Beyond: 414. */
  readonly maxTargetBytes: number;
}

/** RFC 9110 §4.1 asks for targets of at least 8000 octets. SAML and Kibana create longer ones; Node accepts 16 KiB. */
export const DEFAULT_HEAD_LIMITS: HeadLimits = Object.freeze({
  maxHeadBytes: 32 * 1024,
  maxFieldCount: 128,
  maxTargetBytes: 16 * 1024,
});

/** Limits of what the chunked coding may add around its payload. */
export interface ChunkedLimits {
  /** Bytes of chunk extensions in the whole body: a budget, so that many small ones count too. */
  readonly maxExtensionBytes: number;
  /** Bytes of the trailer section, its empty line included. */
  readonly maxTrailerBytes: number;
  /** Field lines of the trailer section. */
  readonly maxTrailerCount: number;
}

export const DEFAULT_CHUNKED_LIMITS: ChunkedLimits = Object.freeze({
  maxExtensionBytes: 16 * 1024,
  maxTrailerBytes: 8 * 1024,
  maxTrailerCount: 32,
});

/** Bounds of `HeadLimits.maxHeadBytes`: offsets into a head are packed into small integers. */
export const MAX_HEAD_BYTES = 1024 * 1024;

/** Longest forwarded method. Beyond: 501 (RFC 9112 §3). */
export const MAX_METHOD_BYTES = 32;

/** A request line is a method, a target, `HTTP/1.x` and two spaces. */
export function maxStartLineBytes(limits: HeadLimits): number {
  return MAX_METHOD_BYTES + limits.maxTargetBytes + 10;
}
