import { isUtf8 } from 'node:buffer';

/**
 * Returns bytes as text; null if they are not UTF-8.
 * @param isTruncated whether `bytes` are only the beginning: then half a character at the end is left out
 */
export function utf8Text(bytes: Buffer, { isTruncated = false } = {}): string | null {
  const whole = isTruncated ? bytes.subarray(0, wholeLength(bytes)) : bytes;
  return isUtf8(whole) ? whole.toString() : null;
}

/** Returns the length without a character that is cut off at the end. */
function wholeLength(bytes: Buffer): number {
  const { length } = bytes;
  for (let back = 1; back <= Math.min(3, length); back++) {
    const byte = bytes[length - back];
    if (byte < 0x80) return length;
    // The first byte of a character says how many it has.
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? length - back : length;
  }
  return length;
}
