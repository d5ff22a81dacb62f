import { Field, type RequestHead } from '@culvert/http1';
import { BANNER_COOKIE, cookieValue } from '@culvert/relay';
import type { BannerDefinition } from './banner-html.js';

/**
 * Reports whether a person's browser will show the response as a page of its own, and not in a frame, script, download
 * manager or program. Browsers send Sec-Fetch-Dest for this, but only over TLS and to local hosts; otherwise an Accept
 * header with `text/html` decides.
 */
function asksForPage(request: RequestHead): boolean {
  // The cheapest check that excludes most comes first.
  const accept = request.find(Field.ACCEPT);
  if (accept < 0 || !request.value(accept).includes('text/html') || request.upgrade !== '') return false;
  const destination = request.valueNamed('sec-fetch-dest');
  if (destination !== null) return destination === 'document';
  return request.valueNamed('x-requested-with') === null;
}

/**
 * Reports whether the response, if it is a page, gets a banner: a person requested it, and has not closed the banner. The
 * banner that says that requests are kept is on every page.
 */
export function getsBanner(request: RequestHead, { scheme, isKept }: BannerDefinition): boolean {
  if (!asksForPage(request)) return false;
  if (isKept) return true;
  const cookies = request.find(Field.COOKIE);
  return cookies < 0 || cookieValue(request.value(cookies), BANNER_COOKIE[scheme]) === null;
}

/** The codings that a banner can be put into. */
const CODINGS = /^(?:gzip|x-gzip|deflate|br|identity)$/;

/**
 * Replaces request lines of a page: it accepts only codings that this filter can read, and has no condition, since the
 * visitor's copy may have no banner, or an old one.
 */
export function pageRequestLines(request: RequestHead): string {
  const accepted: string[] = [];
  for (let i = 0; i < request.count; i++) {
    if (!request.isNamed(i, 'accept-encoding')) continue;
    for (const item of request.value(i).split(',')) {
      const coding = item.split(';', 1)[0].trim().toLowerCase();
      if (CODINGS.test(coding)) accepted.push(item.trim());
    }
  }
  return `Accept-Encoding: ${accepted.length > 0 ? accepted.join(', ') : 'identity'}\r\n`;
}

/** Reports whether `pageRequestLines` replaces line `i`. */
export function isReplacedForPage(request: RequestHead, i: number): boolean {
  switch (request.id(i)) {
    case Field.IF_NONE_MATCH:
    case Field.IF_MODIFIED_SINCE:
      return true;
    default:
      return request.isNamed(i, 'accept-encoding');
  }
}
