import type { IncomingHttpHeaders } from 'node:http';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Reports whether a request can change something (RFC 9110 §9.2.1). */
export function isUnsafe({ method }: { readonly method: string }): boolean {
  return !SAFE_METHODS.has(method);
}

/**
 * Reports whether a page of the app made this request, according to the browser: by `Origin`, or by `Sec-Fetch-Site` if
 * it sends no origin. A page of another host cannot set these headers; a request with neither was not made by a page.
 * @param appOrigin scheme and host of the app, such as `https://culvert.example.com`
 */
export function isSameOrigin(headers: IncomingHttpHeaders, appOrigin: string): boolean {
  const { origin } = headers;
  return origin === undefined ? headers['sec-fetch-site'] === 'same-origin' : origin === appOrigin;
}

/**
 * Reports whether a page of another host made the browser send this, as far as the browser reveals it: over plain HTTP
 * to hosts other than localhost it does so only for scripts. Programs, and people who open an address themselves, do
 * not count.
 * @param appOrigin as for `isSameOrigin`
 */
export function isFromElsewhere(headers: IncomingHttpHeaders, appOrigin: string): boolean {
  const { origin, 'sec-fetch-site': site } = headers;
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  return origin !== undefined && origin !== appOrigin;
}

/** Reports whether the body is a form that any page can make a browser send, without asking us. */
export function isForm(request: { is(types: string[]): string | false | null }): boolean {
  return request.is(['urlencoded', 'multipart', 'text/plain']) !== false;
}
