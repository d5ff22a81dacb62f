/**
 * Recognizes the answers by which development servers refuse requests for a name, or from an origin, that they do not know.
 * Their pages seldom say which setting helps, or a browser does not show them.
 */
import { Field, type ResponseHead } from '@culvert/http1';

/** The server that refused a request, and what it did not accept. */
export type RefusalCode =
  | 'vite_host'
  | 'webpack_host'
  | 'django_host'
  | 'django_origin'
  | 'jupyter_origin'
  | 'next_origin'
  | 'rails_host';

/** Texts that only one server sends, in the order in which they are tried. */
const TEXTS: readonly (readonly [RefusalCode, RegExp])[] = [
  ['vite_host', /Blocked request\. This host\b/],
  ['webpack_host', /Invalid Host(?:\/Origin)? header/],
  ['django_host', /\bDisallowedHost\b|Invalid HTTP_HOST header/],
  ['django_origin', /(?:Origin|Referer) checking failed/],
  ['jupyter_origin', /Blocking Cross Origin API request|Blocking request with non-local 'Host'/],
  ['next_origin', /Blocked cross-origin request|allowedDevOrigins/],
  ['rails_host', /Blocked hosts?: /],
];

/** Bytes of a response that are searched. All texts stand near its beginning. */
const MAX_SCANNED_BYTES = 8192;

/** Searches the first bytes of one response for the text of a refusal. */
export class RefusalScan {
  private text = '';

  /** @param path of the request, without its query */
  private constructor(
    private readonly status: number,
    private readonly path: string,
  ) {}

  /** Returns a scan of the body behind this head, or null if it cannot be a refusal. */
  static of(head: ResponseHead, path: string): RefusalScan | null {
    const isReadable = head.find(Field.CONTENT_ENCODING) === -1;
    // webpack-dev-server accepts a WebSocket and refuses it by its first message.
    return isReadable && (head.status === 400 || head.status === 403 || head.status === 101)
      ? new RefusalScan(head.status, path)
      : null;
  }

  /** Handles bytes `from` to `to` of the response. */
  add(chunk: Uint8Array, from: number, to: number): void {
    const room = MAX_SCANNED_BYTES - this.text.length;
    if (room > 0)
      this.text += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString(
        'latin1',
        from,
        Math.min(to, from + room),
      );
  }

  /** Returns the refusal that the bytes contain, or null. */
  result(): RefusalCode | null {
    const found = TEXTS.find(([, text]) => text.test(this.text))?.[0] ?? null;
    if (this.status === 101) return found === 'webpack_host' ? found : null;
    if (found !== null) return found;
    // Next.js names the setting in its log only.
    return this.path.startsWith('/_next/') && this.text === 'Unauthorized' ? 'next_origin' : null;
  }
}
