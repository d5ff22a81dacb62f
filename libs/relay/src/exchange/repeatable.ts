import { Framing, type RequestHead } from '@culvert/http1';
import { ResetCode } from '@culvert/tunnel';

/** Streams refused with NO_TUNNEL after which a request fails. Refusals for lack of room have the wait timeout as their limit. */
const MAX_REFUSALS = 8;

/**
 * What the end of a stream means for its request:
 * - `absent`, `full`: it was refused and no byte of it was passed on, so it may be sent again whatever its method
 * - `lost`: it may have been processed, so it may be sent again if it is repeatable
 * - `failed`: the service, or the way to it, does not work
 */
export type Loss = 'absent' | 'full' | 'lost' | 'failed';

/**
 * Returns what a reset with `code` means. An open stream is no longer refused: its bytes may have reached the service.
 * @param hasOpened whether the far end has reported that the stream is open
 * @param isReused whether the stream has served another exchange
 */
export function lossOf(
  code: ResetCode,
  { hasOpened, isReused }: { readonly hasOpened: boolean; readonly isReused: boolean },
): Loss {
  if (isRefusal(code)) return hasOpened ? 'lost' : code === ResetCode.STREAM_LIMIT ? 'full' : 'absent';
  return code === ResetCode.TUNNEL_LOST || (code === ResetCode.INGRESS_RESET && isReused) ? 'lost' : 'failed';
}

/** Reports whether a reset with this code, before the stream is open, means that no byte was passed on. */
export function isRefusal(code: ResetCode): boolean {
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

/** How often the request of one exchange was sent again. */
export class Retries {
  private isRepeated = false;
  private refusals = 0;

  /**
   * Reports whether the request may be sent once more after `loss`, and counts it.
   * @param isMovable whether nothing of its body was passed on, so that a refused request is still whole
   */
  take(loss: Loss, request: RequestHead, isMovable: boolean): boolean {
    if (loss === 'full' || loss === 'absent') {
      if (this.refusals >= MAX_REFUSALS || !isMovable) return false;
      if (loss === 'absent') this.refusals++;
      return true;
    }
    if (loss === 'failed' || this.isRepeated || !isRepeatable(request)) return false;
    this.isRepeated = true;
    return true;
  }
}
