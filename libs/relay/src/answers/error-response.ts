import { STATUS_CODES } from 'node:http';
import { Field, type RequestHead } from '@culvert/http1';
import { ERROR_PAGE_POLICY, errorPage, HINTS } from './error-page.js';
import type { RelayError } from './relay-error.js';

/**
 * Returns a whole HTTP/1.1 response for `error`, except the Connection field, which the caller adds. Browsers get a
 * page, other clients problem+json (RFC 9457).
 */
export function errorResponse(
  error: RelayError,
  options: {
    /** Request to respond to; null if the bytes are not a request. */
    readonly request: RequestHead | null;
    /** Whether the sender seems to be a person, if there is no request. */
    readonly isPage?: boolean;
    readonly connection: string;
  },
): Buffer {
  const { request } = options;
  const isPage = request === null ? options.isPage === true : wantsHtml(request);
  const body = isPage ? page(error, request) : problem(error);
  let head =
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? 'Error'}\r\n` +
    `Content-Type: ${isPage ? 'text/html; charset=utf-8' : 'application/problem+json'}\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n` +
    `X-Culvert-Error: ${error.code}\r\n` +
    'Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n' +
    `Date: ${new Date().toUTCString()}\r\n` +
    `Proxy-Status: culvert; error=${error.proxyError}; details=${quoted(error.message)}\r\n`;
  if (error.retryAfterSeconds > 0) head += `Retry-After: ${error.retryAfterSeconds}\r\n`;
  if (error.status === 401)
    head += 'WWW-Authenticate: Culvert realm="preview", header="Culvert-Preview-Token"\r\n';
  if (READABLE.has(error.code) && request !== null) head += readableBy(request.valueNamed('origin'));
  if (isPage) {
    head += `Content-Security-Policy: ${ERROR_PAGE_POLICY}\r\nVary: Accept\r\n`;
    if (request?.method === 'GET' && PASSING.has(error.code))
      head += `Refresh: ${error.retryAfterSeconds}\r\n`;
  }
  return Buffer.from(`${head}${options.connection}\r\n${request?.method === 'HEAD' ? '' : body}`);
}

/**
 * Refusals of visitors who were not let in. They depend only on the visitor's credentials and not on the preview, so
 * scripts of any page can read them: otherwise browsers report an unspecific CORS error. Other errors name the ingress,
 * which only visitors of the preview can read.
 */
const READABLE: ReadonlySet<string> = new Set(['access_denied', 'cross_site_request', 'unknown_host']);

/** Returns CORS lines that let the page of `origin` read the response; '' for a request without an origin. */
function readableBy(origin: string | null): string {
  return origin === null
    ? ''
    : `Access-Control-Allow-Origin: ${origin}\r\nAccess-Control-Allow-Credentials: true\r\n` +
        'Access-Control-Expose-Headers: X-Culvert-Error\r\nVary: Origin\r\n';
}

function page(error: RelayError, request: RequestHead | null): string {
  const isRead = request?.method === 'GET' || request?.method === 'HEAD';
  if (error.code !== 'access_denied') return errorPage({ ...described(error), hint: HINTS[error.code] });
  return errorPage({
    ...described(error),
    hint: isRead
      ? HINTS.access_denied
      : 'Your request was not delivered. Sign in, then go back and send it again.',
    action: SIGN_IN,
  });
}

/** Path on the preview's own host: the gate answers it with a redirect to the app. */
const SIGN_IN = { label: 'Sign in', href: '/.culvert/sign-in' } as const;

/** Reports whether the response should be a page: for a person who sees it, not for a script. */
export function wantsHtml(request: RequestHead): boolean {
  const i = request.find(Field.ACCEPT);
  return i >= 0 && isForPage(request.value(i), () => request.valueNamed('sec-fetch-dest'));
}

/** @param destination reads `Sec-Fetch-Dest`, which old browsers do not send */
export function isForPage(accept: string, destination: () => string | null): boolean {
  if (!accept.includes('text/html')) return false;
  const sent = destination();
  return sent === null || PAGE_DESTINATIONS.has(sent);
}

const PAGE_DESTINATIONS: ReadonlySet<string> = new Set(['document', 'iframe', 'frame']);

/** Errors that pass by themselves: a page that was requested with GET reloads itself. */
const PASSING: ReadonlySet<string> = new Set([
  'manager_unavailable',
  'store_unavailable',
  'shutting_down',
  'stream_limit',
  'too_many_requests',
  'team_request_limit',
]);

function described({ title, status, code, message, reference }: RelayError) {
  return { title, status, code, detail: message, reference };
}

function problem(error: RelayError): string {
  return `${JSON.stringify({
    type: `urn:culvert:error:${error.code}`,
    title: error.title,
    status: error.status,
    detail: error.message,
    code: error.code,
    reference: error.reference,
  })}\n`;
}

/** Returns a structured-field string (RFC 8941 §3.3.3): printable ASCII, quotes and backslashes escaped. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`;
}
