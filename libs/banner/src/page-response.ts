/** Decides which responses are pages that get a banner, and rewrites their heads. */
import {
  Field,
  Framing,
  type HeadLimits,
  parseResponseHead,
  type RequestHead,
  type ResponseHead,
} from '@culvert/http1';
import { type BannerDefinition, type Closing, STYLE_SOURCE } from './banner-html.js';
import { allowsForms, allowsOwnImage, allowStyle } from './content-security-policy.js';
import { getsBanner } from './page-request.js';

export type PageCoding = 'identity' | 'gzip' | 'deflate' | 'br';

const CODINGS: Readonly<Record<string, PageCoding>> = {
  '': 'identity',
  identity: 'identity',
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
  br: 'br',
};

/** Encodings in which ASCII characters, and no others, have ASCII's bytes, as far as markup is concerned. */
const ASCII_COMPATIBLE =
  /^(?:utf-?8|us-ascii|ascii|latin1|iso-?8859-?\d{1,2}(?:-[ei])?|windows-\d{3,4}|cp125\d|koi8-[ru]|macintosh|x-mac-cyrillic|shift[_-]jis|sjis|x-sjis|euc-(?:jp|kr)|gb2312|gbk|gb18030|big5(?:-hkscs)?|tis-620)$/i;

/** Returns the coding of the page in `response`, or null if it is not a page or must stay as it is. */
export function pageCodingOf(
  request: RequestHead,
  response: ResponseHead,
  banner: BannerDefinition,
): PageCoding | null {
  if (!isHtml(response) || !getsBanner(request, banner) || !hasWholePage(response)) return null;
  const disposition = response.valueNamed('content-disposition');
  if (disposition !== null && !/^inline\b/i.test(disposition)) return null;
  let codings = '';
  for (let i = 0; i < response.count; i++) {
    const id = response.id(i);
    if (id === Field.CONTENT_ENCODING) codings += (codings === '' ? '' : ', ') + response.value(i);
    else if (id === Field.CACHE_CONTROL && /\bno-transform\b/i.test(response.value(i))) return null;
  }
  return CODINGS[codings.toLowerCase()] ?? null;
}

/**
 * Returns the head of the page with its banner. Its length is unknown in advance, and headers that describe its bytes are no
 * longer true. A cache must give it only to visitors who request a page, and not to those who have closed the banner since.
 */
export function pageHead(response: ResponseHead, limits: HeadLimits, method: string): ResponseHead {
  let text = `HTTP/1.${response.minorVersion} ${response.status} ${response.reason}\r\n`;
  for (let i = 0; i < response.count; i++) {
    const name = response.name(i).toLowerCase();
    if (UNTRUE_OF_PAGE.has(name)) continue;
    text += POLICIES.has(name)
      ? `${response.name(i)}: ${allowStyle(response.value(i), STYLE_SOURCE)}\r\n`
      : response.text.slice(response.lineStart(i), response.lineEnd(i));
  }
  text += 'Vary: Sec-Fetch-Dest, Cookie\r\n\r\n';
  const bytes = Buffer.from(text, 'latin1');
  const roomier = { ...limits, maxFieldCount: limits.maxFieldCount + 1 };
  return parseResponseHead(bytes, 0, bytes.length, roomier, method);
}

/** Returns how the banner is closed on the page of this response. A policy in the page itself is not considered. */
export function closingOf(response: ResponseHead): Closing {
  let by: Closing['by'] = 'form';
  let isRemembered = true;
  for (let i = 0; i < response.count; i++) {
    const name = response.name(i).toLowerCase();
    if (!POLICIES.has(name)) continue;
    const value = response.value(i);
    // A report-only policy forbids nothing, but would report the image.
    isRemembered &&= allowsOwnImage(value);
    if (name === 'content-security-policy' && !allowsForms(value)) by = 'command';
  }
  return { by, isRemembered };
}

const POLICIES: ReadonlySet<string> = new Set([
  'content-security-policy',
  // The page's owner should receive reports about the page's own faults only.
  'content-security-policy-report-only',
]);

const UNTRUE_OF_PAGE: ReadonlySet<string> = new Set([
  'content-length',
  'transfer-encoding',
  'etag',
  'accept-ranges',
  'content-md5',
  'digest',
  'content-digest',
  'repr-digest',
  'trailer',
]);

function isHtml(response: ResponseHead): boolean {
  const i = response.find(Field.CONTENT_TYPE);
  if (i < 0) return false;
  const type = response.value(i);
  if (!/^text\/html[\t ]*(?:;|$)/i.test(type)) return false;
  const charset = /;[\t ]*charset[\t ]*=[\t ]*["']?([^"';\t ]*)/i.exec(type)?.[1];
  return charset === undefined || charset === '' || ASCII_COMPATIBLE.test(charset);
}

/** Reports whether the response is a complete document that is not empty. Redirects show none. */
function hasWholePage({ status, framing, contentLength }: ResponseHead): boolean {
  if (status < 200 || status === 204 || status === 205 || status === 206) return false;
  if (status >= 300 && status < 400) return false;
  return framing !== Framing.LENGTH || contentLength > 0;
}
