/** Detects the protocol of a connection by its first bytes. */

const LF = 0x0a;
const SP = 0x20;

/** RFC 9113 §3.4. */
const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n');

/** Longer first lines count as HTTP if they begin like it. */
const REQUEST_LINE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32} [\x21-\x7e\x80-\xff]+ HTTP\/1\.[01]\r?$/;
const BEGINNING = /^[A-Z-]{1,32}( [\x21-\x7e\x80-\xff]*( [HTTP/1.0\r]{0,9})?)?$/;

/** `other`: not HTTP, or not recognizable as such. */
export function spokenIn(bytes: Buffer): 'http1' | 'h2c' | 'other' {
  const shared = Math.min(bytes.length, HTTP2_PREFACE.length);
  // A single letter of the preface may still begin a POST or PUT.
  if (shared > 2 && bytes.compare(HTTP2_PREFACE, 0, shared, 0, shared) === 0) return 'h2c';
  const start = leadingLineEnd(bytes);
  const end = bytes.indexOf(LF, start);
  if (end < 0) {
    // The line is still incomplete: the target alone may have 8 KiB.
    const text = bytes.toString('latin1', start, Math.min(bytes.length, start + 64));
    const isWhole = bytes.length - start <= 64;
    return (isWhole ? BEGINNING : /^[A-Z-]{1,32} /).test(text) ? 'http1' : 'other';
  }
  return bytes[start] !== SP && REQUEST_LINE.test(bytes.toString('latin1', start, end)) ? 'http1' : 'other';
}

/** One empty line may come before a request (RFC 9112 §2.2). */
function leadingLineEnd(bytes: Buffer): number {
  if (bytes[0] === LF) return 1;
  return bytes[0] === 0x0d && bytes[1] === LF ? 2 : 0;
}
