import { createHash } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import { Field, type RequestHead } from '@culvert/http1';
import type { RelayError } from './relay-error.js';

const STYLE =
  ':root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}' +
  'body{margin:0;min-height:100vh;display:grid;place-items:center;background:Canvas;color:CanvasText}' +
  'main{max-width:34rem;padding:2rem}h1{font-size:1.5rem;margin:0 0 .5rem}p{margin:.5rem 0}' +
  'footer{margin-top:2rem;font-size:.85rem;opacity:.7}code{overflow-wrap:anywhere}';
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/**
 * A whole HTTP/1.1 response for `error`, except the Connection field, which the caller adds.
 * Browsers get a page, everything else problem+json (RFC 9457).
 */
export function errorResponse(
  error: RelayError,
  options: { readonly wantsHtml: boolean; readonly withoutBody: boolean; readonly connection: string },
): Buffer {
  const body = options.wantsHtml ? page(error) : problem(error);
  let head =
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? 'Error'}\r\n` +
    `Content-Type: ${options.wantsHtml ? 'text/html; charset=utf-8' : 'application/problem+json'}\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n` +
    `X-Culvert-Error: ${error.code}\r\n` +
    'Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n' +
    `Date: ${new Date().toUTCString()}\r\n` +
    `Proxy-Status: culvert; error=${error.proxyError}; details=${quoted(error.message)}\r\n`;
  if (error.retryAfterSeconds > 0) head += `Retry-After: ${error.retryAfterSeconds}\r\n`;
  if (error.status === 401)
    head += 'WWW-Authenticate: Culvert realm="preview", header="X-Ambassador-Api-Key"\r\n';
  if (options.wantsHtml) {
    head += `Content-Security-Policy: default-src 'none'; style-src 'sha256-${STYLE_HASH}'; frame-ancestors 'none'\r\n`;
  }
  return Buffer.from(`${head}${options.connection}\r\n${options.withoutBody ? '' : body}`);
}

/** Whether an answer of ours should be a page. */
export function wantsHtml(request: RequestHead): boolean {
  const i = request.find(Field.ACCEPT);
  return i >= 0 && request.value(i).includes('text/html');
}

function page(error: RelayError): string {
  // A cluster that is not connected yet is worth another look; other faults need a person.
  const refresh = error.code === 'manager_unavailable' ? '<meta http-equiv="refresh" content="5">' : '';
  const hint = error.code === 'manager_unavailable' ? '<p>This page tries again by itself.</p>' : '';
  return (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">' +
    `<meta name="viewport" content="width=device-width">${refresh}<title>${escapeHtml(error.title)}</title>` +
    `<style>${STYLE}</style></head><body><main><h1>${escapeHtml(error.title)}</h1>` +
    `<p>${escapeHtml(error.message)}</p>${hint}` +
    `<footer>Culvert &middot; ${error.status} &middot; <code>${error.code}</code></footer></main></body></html>\n`
  );
}

function problem(error: RelayError): string {
  return `${JSON.stringify({
    type: `urn:culvert:error:${error.code}`,
    title: error.title,
    status: error.status,
    detail: error.message,
    code: error.code,
  })}\n`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A structured-field string (RFC 8941 §3.3.3): printable ASCII, quotes and backslashes escaped. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`;
}
