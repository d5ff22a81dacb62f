import { HttpError } from './http-error.js';
import type { CheckedRequest, HttpResponse } from './http-message.js';

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** All other headers may hold secrets of one origin and must not reach another. */
const FOR_ANY_ORIGIN: ReadonlySet<string> = new Set(['accept', 'accept-language', 'user-agent']);

/**
 * Returns the request that a redirect leads to (RFC 9110 §15.4), or null when the response is not a redirect.
 * @throws HttpError `redirect` for a location that cannot be used, that leaves TLS, or that takes a body to another origin
 */
export function redirected(
  request: CheckedRequest,
  { status, headers }: HttpResponse,
): CheckedRequest | null {
  const { location } = headers;
  if (!REDIRECTS.has(status) || location === undefined) return null;
  const { origin, protocol } = request.url;
  if (!URL.canParse(location, request.url.href))
    throw new HttpError('redirect', `${origin} redirects to an address that is not a URL`);
  const url = new URL(location, request.url);
  if (!/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw new HttpError('redirect', `${origin} redirects to a URL that cannot be used`);
  if (protocol === 'https:' && url.protocol !== 'https:')
    throw new HttpError('redirect', `${origin} redirects from https to http`);

  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers))
    if (url.origin === origin || FOR_ANY_ORIGIN.has(name)) kept[name] = value;
  // As in browsers, a POST that is answered with 301 or 302 becomes a GET as with 303.
  const becomesGet =
    (status === 303 && request.method !== 'HEAD') || (status < 303 && request.method === 'POST');
  if (!becomesGet) {
    if (request.body !== null && url.origin !== origin)
      throw new HttpError('redirect', `${origin} redirects a request with a body to another origin`);
    return { ...request, url, headers: kept };
  }
  delete kept['content-length'];
  delete kept['content-type'];
  return { url, method: 'GET', headers: kept, body: null };
}
