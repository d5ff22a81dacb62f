import { Field, type RequestHead } from '@culvert/http1';

/**
 * Reports whether a request that a cookie lets in comes from the preview itself. Browsers treat other previews as
 * same-site, so SameSite does not stop their pages from sending it. Reading is left to CORS: pages can link to a
 * preview and show its images. WebSockets, to which CORS does not apply, and unsafe methods need the preview's own
 * origin.
 */
export function isOwnRequest(request: RequestHead, scheme: 'http' | 'https'): boolean {
  const { method } = request;
  if (request.upgrade !== '') return request.valueNamed('origin') === ownOrigin(request, scheme);
  if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return true;
  // Set by browsers and not by pages. It is more exact than Origin, which is `null` for a form under no-referrer.
  const site = request.valueNamed('sec-fetch-site');
  if (site !== null) return site === 'same-origin' || site === 'none';
  const from = request.valueNamed('origin');
  return from === null || from === ownOrigin(request, scheme);
}

/** Returns the preview's own origin, as browsers write it. The parser has checked Host. */
export function ownOrigin(request: RequestHead, scheme: 'http' | 'https'): string {
  return `${scheme}://${request.host}`;
}

/** Reports whether a browser will show the response as a page. */
export function isNavigation(request: RequestHead): boolean {
  if ((request.method !== 'GET' && request.method !== 'HEAD') || request.upgrade !== '') return false;
  const mode = request.valueNamed('sec-fetch-mode');
  if (mode !== null) return mode === 'navigate';
  return request.valueNamed('accept')?.includes('text/html') ?? false;
}

/**
 * Reports whether this is the request that a browser sends before a cross-origin request: it has no credentials and no
 * body.
 */
export function isPreflight(request: RequestHead): boolean {
  return (
    request.method === 'OPTIONS' &&
    request.framing === 0 &&
    request.contentLength === 0 &&
    request.find(Field.ORIGIN) >= 0 &&
    request.find(Field.ACCESS_CONTROL_REQUEST_METHOD) >= 0 &&
    request.find(Field.COOKIE) < 0 &&
    request.find(Field.AUTHORIZATION) < 0
  );
}
