import type { IncomingHttpHeaders } from 'node:http';
import type { Request } from 'express';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whether a request may change something (RFC 9110 §9.2.1). */
export function isUnsafe({ method }: Pick<Request, 'method'>): boolean {
  return !SAFE_METHODS.has(method);
}

/**
 * Whether a page of ours made this request, as the browser says: by `Origin`, or by `Sec-Fetch-Site` where it sends
 * no origin. No page of another host can make a browser say so; a request that says neither was not made by a page.
 * @param appOrigin scheme and host of the app, such as `https://culvert.example.com`
 */
export function isSameOrigin(headers: IncomingHttpHeaders, appOrigin: string): boolean {
  const { origin } = headers;
  return origin === undefined ? headers['sec-fetch-site'] === 'same-origin' : origin === appOrigin;
}

/**
 * Whether a page of another host had a browser send this, as far as the browser says: over plain HTTP to other hosts
 * than localhost it says so of scripts alone. Programs, and people who open an address themselves, say nothing of the kind.
 * @param appOrigin as for `isSameOrigin`
 */
export function isFromElsewhere(headers: IncomingHttpHeaders, appOrigin: string): boolean {
  const { origin, 'sec-fetch-site': site } = headers;
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  return origin !== undefined && origin !== appOrigin;
}

/** Whether the body is one that any page may have a browser send, without asking us. */
export function isForm(request: Request): boolean {
  return request.is(['urlencoded', 'multipart', 'text/plain']) !== false;
}
