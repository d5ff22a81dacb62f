import { STATUS_CODES } from 'node:http';
import { Field, type RequestHead } from '@culvert/http1';
import { valueOf } from './banner/page-request.js';
import { ERROR_PAGE_POLICY, errorPage, HINTS } from './error-page.js';
import { GateAnswer } from './gate-answer.js';
import type { RelayError } from './relay-error.js';

/**
 * A whole HTTP/1.1 response for `error`, except the Connection field, which the caller adds.
 * Browsers get a page, everything else problem+json (RFC 9457).
 */
export function errorResponse(
  error: RelayError,
  options: {
    /** What it answers; null for bytes that are no request. */
    readonly request: RequestHead | null;
    readonly connection: string;
  },
): Buffer {
  const { request } = options;
  if (error instanceof GateAnswer) return error.toResponse(options.connection);
  const isPage = request !== null && wantsHtml(request);
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
  if (isPage) {
    head += `Content-Security-Policy: ${ERROR_PAGE_POLICY}\r\nVary: Accept\r\n`;
    if (request.method === 'GET' && PASSING.has(error.code))
      head += `Refresh: ${error.retryAfterSeconds}\r\n`;
  }
  return Buffer.from(`${head}${options.connection}\r\n${request?.method === 'HEAD' ? '' : body}`);
}

function page(error: RelayError, request: RequestHead): string {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (error.code !== 'access_denied') return errorPage({ ...described(error), hint: HINTS[error.code] });
  return errorPage({
    ...described(error),
    hint: isRead
      ? HINTS.access_denied
      : 'What you sent was not delivered. Sign in, then go back and send it again.',
    action: SIGN_IN,
  });
}

/** On the preview's own host: the gate answers it and sends on to the app. */
const SIGN_IN = { label: 'Sign in', href: '/.culvert/sign-in' } as const;

/** Whether an answer of ours should be a page: for people who look at it, not for scripts of theirs. */
function wantsHtml(request: RequestHead): boolean {
  const i = request.find(Field.ACCEPT);
  if (i < 0 || !request.value(i).includes('text/html')) return false;
  const destination = valueOf(request, 'sec-fetch-dest');
  return destination === null || PAGE_DESTINATIONS.has(destination);
}

const PAGE_DESTINATIONS: ReadonlySet<string> = new Set(['document', 'iframe', 'frame']);

/** Errors that pass by themselves: a page that came by GET asks again. */
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

/** A structured-field string (RFC 8941 §3.3.3): printable ASCII, quotes and backslashes escaped. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`;
}
