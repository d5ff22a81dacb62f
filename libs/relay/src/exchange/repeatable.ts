import { Framing, type RequestHead } from '@culvert/http1';
import { ResetCode } from '@culvert/tunnel';

/** Refused streams after which a request fails. */
export const MAX_REFUSALS = 8;

/** Reports whether a reset with this code means that no byte of the stream was passed on. */
export function isRefusal(code: ResetCode | null): boolean {
  return code === ResetCode.NO_TUNNEL || code === ResetCode.STREAM_LIMIT;
}

/** RFC 9110 §9.2.2; RFC 4918, 3253 and 5323 of WebDAV; the safe method QUERY. */
const IDEMPOTENT: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PUT',
  'DELETE',
  'PROPFIND',
  'REPORT',
  'SEARCH',
  'QUERY',
]);

/**
 * Reports whether a request may be sent once more on another stream, when the first was lost before any byte of a
 * response: its method allows it, and it has no body, which is not kept. A length of 0 counts as no body. A request that
 * asks for another protocol is not sent twice: the service may have begun to speak it.
 */
export function isRepeatable({
  method,
  framing,
  contentLength,
  upgrade,
  otherUpgrade,
}: RequestHead): boolean {
  return (
    framing !== Framing.CHUNKED &&
    contentLength === 0 &&
    upgrade === '' &&
    otherUpgrade === '' &&
    IDEMPOTENT.has(method)
  );
}
