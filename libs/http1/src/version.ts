import { HttpSyntaxError } from './errors.js';

const HTTP_SLASH = Buffer.from('HTTP/');
const ZERO = 0x30;
const DOT = 0x2e;

/** Length of `HTTP/x.y`. */
export const VERSION_BYTES = 8;

/** Reports whether `HTTP/` is at `at`, which may lie outside of `buffer`. */
export function hasVersionAt(buffer: Uint8Array, at: number): boolean {
  for (let i = 0; i < HTTP_SLASH.length; i++) {
    if (buffer[at + i] !== HTTP_SLASH[i]) return false;
  }
  return true;
}

/**
 * Returns the minor version of the `HTTP/1.x` at `at`. Case-sensitive (RFC 9112 §2.3). Other versions are refused: the
 * meaning of HTTP/1.2 is unknown, and HTTP/2 and 3 have no text form.
 */
export function readMinorVersion(buffer: Uint8Array, at: number): 0 | 1 {
  const major = buffer[at + 5] - ZERO;
  const minor = buffer[at + 7] - ZERO;
  if (!hasVersionAt(buffer, at) || buffer[at + 6] !== DOT || !isDigit(major) || !isDigit(minor)) {
    throw new HttpSyntaxError('BAD_START_LINE');
  }
  if (major !== 1 || minor > 1) throw new HttpSyntaxError('UNSUPPORTED_VERSION');
  return minor === 0 ? 0 : 1;
}

function isDigit(value: number): boolean {
  return value >= 0 && value <= 9;
}
