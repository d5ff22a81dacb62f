/**
 * Requests as HTTP/2 carries them become HTTP/1.1 heads: written out as text and given to the same strict parser,
 * so that both versions accept and refuse the same (docs/http2.md §2). libs/http2 has refused what RFC 9113 calls
 * malformed: names in upper case, connection-specific fields, pseudo-header fields in wrong places.
 */
import { randomBytes } from 'node:crypto';
import { type HeadLimits, HttpSyntaxError, parseRequestHead, type RequestHead } from '@culvert/http1';
import type { RequestFields } from '@culvert/http2';
import { RelayError } from '../answers/relay-error.js';

export interface Http2Request {
  readonly head: RequestHead;
  /** `Sec-WebSocket-Key` of an extended CONNECT (RFC 8441), made here; '' for every other request. */
  readonly webSocketKey: string;
}

/** How the connection and the HEADERS frame describe a request. */
export interface Http2RequestContext {
  readonly scheme: 'http' | 'https';
  /** Whether DATA may follow: no END_STREAM on HEADERS. */
  readonly hasBody: boolean;
  readonly limits: HeadLimits;
}

/** Longer heads are not kept for a request that comes again: blocks of a few bytes can make them. */
const MAX_KEPT_BYTES = 4096;

class KeptRequest implements Http2Request {
  readonly webSocketKey = '';
  constructor(readonly head: RequestHead) {}
}

/** @throws HttpSyntaxError, or RelayError for what only HTTP/2 knows */
export function readHttp2Request(request: RequestFields, context: Http2RequestContext): Http2Request {
  if (request.memo instanceof KeptRequest && !context.hasBody) return request.memo;
  const { scheme, authority, path, protocol, host } = request;
  let { method } = request;
  let cookie = '';
  let lines = '';
  let lineCount = 0;
  for (const field of request.fields) {
    if (field.name === 'cookie') {
      // RFC 9113 §8.2.3: crumbs of one field.
      cookie = cookie === '' ? field.value : `${cookie}; ${field.value}`;
    } else if (field.name !== 'sec-websocket-key' || method !== 'CONNECT') {
      lines += field.line;
      lineCount++;
    }
  }
  if (host !== '' && authority !== '' && host.toLowerCase() !== authority.toLowerCase())
    throw new HttpSyntaxError('HOST_MISMATCH');
  const webSocketKey = method === 'CONNECT' ? keyFor(protocol) : '';
  if (scheme !== context.scheme) throw malformed(`This connection carries ${context.scheme} only`);
  lines = `host: ${authority || host}\r\n${lines}`;
  lineCount++;
  if (cookie !== '') {
    lines += `cookie: ${cookie}\r\n`;
    lineCount++;
  }
  if (webSocketKey !== '') {
    method = 'GET';
    lines += `connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ${webSocketKey}\r\n`;
    lineCount += 3;
  } else if (context.hasBody && request.contentLength < 0) {
    lines += 'transfer-encoding: chunked\r\n';
    lineCount++;
  }
  const bytes = Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines}\r\n`, 'latin1');
  if (bytes.length > context.limits.maxHeadBytes) throw new HttpSyntaxError('HEAD_TOO_LARGE');
  const head = parseRequestHead(bytes, 0, bytes.length, context.limits);
  // A line break in a name, a value or the path would have made lines of its own.
  if (head.count !== lineCount) throw new HttpSyntaxError('CONTROL_CHARACTER');
  if (webSocketKey !== '') {
    if (head.upgrade === '') throw malformed('A WebSocket has no request body');
    return { head, webSocketKey };
  }
  if (!request.isShared || context.hasBody || bytes.length > MAX_KEPT_BYTES) return { head, webSocketKey };
  const kept = new KeptRequest(head);
  request.memo = kept;
  return kept;
}

/** Returns a key for `CONNECT` with this `:protocol`: 16 random bytes (RFC 6455 §4.1). */
function keyFor(protocol: string): string {
  if (protocol === 'websocket') return randomBytes(16).toString('base64');
  // RFC 8441 §4 leaves the status to us; 501 is what HTTP/1.1 visitors get for CONNECT.
  throw new RelayError('bad_request', 'CONNECT opens WebSockets only.', { status: 501 });
}

function malformed(what: string): RelayError {
  return new RelayError('bad_request', `${what}.`, { status: 400 });
}
