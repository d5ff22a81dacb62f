import { type Fields, isForbiddenTrailer } from '@culvert/http1';

/**
 * The end of a chunked body: last chunk and the trailers that may pass.
 * @param ownedNames those that the sender must not set (`Route.ownedNames`)
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
