/**
 * Requests as HTTP/2 carries them become HTTP/1.1 heads: written out as text and given to the same strict parser,
 * so that both versions accept and refuse the same (docs/http2.md §2). Node and nghttp2 have refused what RFC 9113
 * calls malformed: names in upper case, connection-specific fields, pseudo-header fields in wrong places.
 */
import { randomBytes } from 'node:crypto';
import { type HeadLimits, HttpSyntaxError, parseRequestHead, type RequestHead } from '@culvert/http1';
import { RelayError } from './relay-error.js';

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

const COLON = 0x3a;

/**
 * @param fields names and values in turn, as received
 * @throws HttpSyntaxError, or RelayError for what only HTTP/2 knows
 */
export function readHttp2Request(fields: readonly string[], context: Http2RequestContext): Http2Request {
  let method = '';
  let scheme = '';
  let authority = '';
  let path = '';
  let protocol = '';
  let host = '';
  let cookie = '';
  let lines = '';
  let lineCount = 0;
  let hasLength = false;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i];
    const value = fields[i + 1];
    if (name.charCodeAt(0) === COLON) {
      if (name === ':method') method = value;
      else if (name === ':path') path = value;
      else if (name === ':authority') authority = value;
      else if (name === ':scheme') scheme = value;
      else if (name === ':protocol') protocol = value;
      else throw malformed('An unknown pseudo-header field');
    } else if (name === 'cookie') {
      // RFC 9113 §8.2.3: crumbs of one field.
      cookie = cookie === '' ? value : `${cookie}; ${value}`;
    } else if (name === 'host') {
      if (host !== '') throw new HttpSyntaxError('REPEATED_HOST');
      host = value;
    } else if (name !== 'sec-websocket-key' || method !== 'CONNECT') {
      if (name === 'content-length') hasLength = true;
      lines += `${name}: ${value}\r\n`;
      lineCount++;
    }
  }
  if (host !== '' && authority !== '' && host.toLowerCase() !== authority.toLowerCase())
    throw new HttpSyntaxError('HOST_MISMATCH');
  const webSocketKey = method === 'CONNECT' ? keyFor(protocol) : '';
  if (scheme !== context.scheme) throw malformed(`This connection carries ${context.scheme} only`);
  if (!path.startsWith('/') && path !== '*') throw new HttpSyntaxError('BAD_TARGET');
  if (authority !== '' || host !== '') {
    lines = `host: ${authority || host}\r\n${lines}`;
    lineCount++;
  }
  if (cookie !== '') {
    lines += `cookie: ${cookie}\r\n`;
    lineCount++;
  }
  if (webSocketKey !== '') {
    method = 'GET';
    lines += `connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ${webSocketKey}\r\n`;
    lineCount += 3;
  } else if (context.hasBody && !hasLength) {
    lines += 'transfer-encoding: chunked\r\n';
    lineCount++;
  }
  const bytes = Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines}\r\n`, 'latin1');
  if (bytes.length > context.limits.maxHeadBytes) throw new HttpSyntaxError('HEAD_TOO_LARGE');
  const head = parseRequestHead(bytes, 0, bytes.length, context.limits);
  // A line break in a name, a value or the path would have made lines of its own.
  if (head.count !== lineCount) throw new HttpSyntaxError('CONTROL_CHARACTER');
  if (webSocketKey !== '' && head.upgrade === '') throw malformed('A WebSocket has no request body');
  return { head, webSocketKey };
}

/** A key for `CONNECT` with this `:protocol`: 16 random bytes (RFC 6455 §4.1). */
function keyFor(protocol: string): string {
  if (protocol === 'websocket') return randomBytes(16).toString('base64');
  // RFC 8441 §4 leaves the status to us; 501 is what HTTP/1.1 visitors get for CONNECT.
  throw new RelayError('bad_request', 'CONNECT opens WebSockets only.', 501);
}

function malformed(what: string): RelayError {
  return new RelayError('bad_request', `${what}.`, 400);
}
