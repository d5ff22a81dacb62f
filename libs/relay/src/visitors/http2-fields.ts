import { Field, type Fields, isForbiddenTrailer, type ResponseHead } from '@culvert/http1';
import type { HpackEncoder, Trailers } from '@culvert/http2';
import { passes } from '../routing/header-rules.js';
import type { Route } from '../routing/route.js';

/** Adds the fields of `response` that get to the visitor, in lower case (RFC 9113 §8.2). */
export function addResponseFields(encoder: HpackEncoder, response: ResponseHead, route: Route): void {
  const { translator } = route;
  for (let i = 0; i < response.count; i++) {
    if (!passes(response, i, route)) continue;
    const translated = translator === null ? null : translator.responseValue(response, i);
    if (translated !== null) {
      encoder.add(response.name(i).toLowerCase(), translated);
      continue;
    }
    // The line as the service wrote it stands for its field: most lines come again, and are then not even cut up.
    const line = response.text.slice(response.lineStart(i), response.lineEnd(i));
    if (encoder.addKnown(line)) continue;
    encoder.add(response.name(i).toLowerCase(), response.value(i), line);
  }
}

/** The same without what only HTTP/1.1 needs for a WebSocket (RFC 8441 §5), and without a length (RFC 9110 §9.3.6). */
export function addUpgradeFields(encoder: HpackEncoder, response: ResponseHead, route: Route): void {
  const { translator } = route;
  for (let i = 0; i < response.count; i++) {
    const id = response.id(i);
    if (id === Field.SEC_WEBSOCKET_ACCEPT || id === Field.CONTENT_LENGTH || !passes(response, i, route))
      continue;
    const translated = translator === null ? null : translator.responseValue(response, i);
    encoder.add(response.name(i).toLowerCase(), translated ?? response.value(i));
  }
}

/** Adds `lines` of HTTP/1.1 that were written here, each with its CRLF and one space behind the colon. */
export function addLines(encoder: HpackEncoder, lines: string): void {
  for (const line of lines.split('\r\n')) {
    if (line === '') continue;
    const colon = line.indexOf(':');
    encoder.add(line.slice(0, colon).toLowerCase(), line.slice(colon + 2));
  }
}

/** The trailers that may pass. */
export function trailersOf(trailers: Fields): Trailers {
  const passing: [string, string][] = [];
  for (let i = 0; i < trailers.count; i++) {
    if (!isForbiddenTrailer(trailers, i)) passing.push([trailers.name(i).toLowerCase(), trailers.value(i)]);
  }
  return passing;
}
