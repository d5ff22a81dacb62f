import { type Fields, isForbiddenTrailer } from '@culvert/http1';

/** The end of a chunked body: last chunk and the trailers that may pass. */
export function lastChunk(trailers: Fields | null): string {
  return `0\r\n${trailers ? trailerLines(trailers) : ''}\r\n`;
}

/** The trailers that may pass, each with its CRLF. */
export function trailerLines(trailers: Fields): string {
  let text = '';
  for (let i = 0; i < trailers.count; i++) {
    if (!isForbiddenTrailer(trailers, i))
      text += trailers.text.slice(trailers.lineStart(i), trailers.lineEnd(i));
  }
  return text;
}
