/** Writes the chunked coding (RFC 9112 §7.1). `ChunkedScanner` reads it. */
import type { Fields } from './fields.js';
import { isForbiddenTrailer } from './trailers.js';

const CRLF = '\r\n';

/** Returns one chunk; `data` is not empty. */
export function chunkOf(data: Buffer): Buffer {
  const size = `${data.length.toString(16)}${CRLF}`;
  const chunk = Buffer.allocUnsafe(size.length + data.length + CRLF.length);
  chunk.write(size, 0, 'latin1');
  chunk.set(data, size.length);
  chunk.write(CRLF, size.length + data.length, 'latin1');
  return chunk;
}

/**
 * Returns the end of a chunked body: the last chunk and the permitted trailers.
 * @param ownedNames names that the sender must not set, in lower case and with hyphens for underscores
 */
export function lastChunk(trailers: Fields | null, ownedNames: readonly string[] = []): string {
  return `0\r\n${trailers ? trailerLines(trailers, ownedNames) : ''}\r\n`;
}

function trailerLines(trailers: Fields, ownedNames: readonly string[]): string {
  let text = '';
  for (let i = 0; i < trailers.count; i++) {
    if (isForbiddenTrailer(trailers, i) || ownedNames.some((name) => trailers.isNamedAlike(i, name)))
      continue;
    text += trailers.text.slice(trailers.lineStart(i), trailers.lineEnd(i));
  }
  return text;
}
