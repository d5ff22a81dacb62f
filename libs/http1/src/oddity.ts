/**
 * Faults of a response that is delivered anyway, as bits of one number (docs/http1.md §9.1). After any of them the end of
 * the response is not certain enough to read another one behind it.
 */
export const Oddity = {
  /** A line of the head ends with LF alone. */
  BARE_LF: 1,
  /** A head announces a body that its status does not allow: 1xx, 204 and 205. */
  BODY_NOT_ALLOWED: 2,
  /** `Connection` holds something that is not a list of tokens. */
  BAD_CONNECTION: 4,
  /** The chunked coding in HTTP/1.0, which does not define it. */
  TRANSFER_ENCODING_IN_HTTP10: 8,
  /** `Transfer-Encoding` is empty or `identity`: the body ends with the connection. */
  BAD_TRANSFER_ENCODING: 16,
  /** `Transfer-Encoding: chunked` in several fields. */
  REPEATED_TRANSFER_ENCODING: 32,
  /** Bytes follow the end of the response. Found by the reader of the body, not by the parser of heads. */
  UNEXPECTED_BYTES: 64,
} as const;
export type OddityCode = keyof typeof Oddity;

const CODES = Object.keys(Oddity) as OddityCode[];

/** Returns the codes of the bits in `oddities`. */
export function oddityCodes(oddities: number): OddityCode[] {
  return CODES.filter((code) => (oddities & Oddity[code]) !== 0);
}
