import { Field, type RequestHead } from '@culvert/http1';
import { BANNER_COOKIE, cookieValue } from '@culvert/relay';
import type { BannerDefinition } from './banner-html.js';

/**
 * Whether a person's browser is to show the answer as a page of its own: no frame, script, download manager or
 * program. Browsers say so in Sec-Fetch-Dest, but only over TLS and to local hosts; without it, asking for `text/html`
 * by name is what tells.
 */
function asksForPage(request: RequestHead): boolean {
  // First what costs least and rules out most.
  const accept = request.find(Field.ACCEPT);
  if (accept < 0 || !request.value(accept).includes('text/html') || request.upgrade !== '') return false;
  const destination = request.valueNamed('sec-fetch-dest');
  if (destination !== null) return destination === 'document';
  return request.valueNamed('x-requested-with') === null;
}

/** Whether the answer, if it is a page, gets a banner: a person asked for it, who has not closed it before. */
export function getsBanner(request: RequestHead, { scheme }: BannerDefinition): boolean {
  if (!asksForPage(request)) return false;
  const cookies = request.find(Field.COOKIE);
  return cookies < 0 || cookieValue(request.value(cookies), BANNER_COOKIE[scheme]) === null;
}

/** The codings that a banner can be put into. */
const CODINGS = /^(?:gzip|x-gzip|deflate|br|identity)$/;

/**
 * What a request for a page tells the service instead of what it said: only codings that can be read here; and no
 * condition, since a copy that the visitor kept may have no banner, or an old one.
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

/** Whether `pageRequestLines` stands for line `i`. */
export function isReplacedForPage(request: RequestHead, i: number): boolean {
  switch (request.id(i)) {
    case Field.IF_NONE_MATCH:
    case Field.IF_MODIFIED_SINCE:
      return true;
    default:
      return request.isNamed(i, 'accept-encoding');
  }
}
