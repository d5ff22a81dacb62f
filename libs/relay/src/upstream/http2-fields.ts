/**
 * Heads between HTTP/1.1, which an exchange speaks, and HTTP/2, which the ingress speaks (RFC 9113 §8.2 and §8.3).
 * What is written towards the exchange passes its strict parser next, so nothing but line breaks has to be kept out.
 */
import { STATUS_CODES } from 'node:http';
import type { IncomingHttpHeaders, IncomingHttpStatusHeader, OutgoingHttpHeaders } from 'node:http2';
import { acceptOf, Field, type Fields, type RequestHead } from '@culvert/http1';

/** An ingress sent what has no place in HTTP. The message says what. */
export class Http2ResponseError extends Error {
  override readonly name = 'Http2ResponseError';
}

/** As Node gives them: names in lower case, repeated fields joined. */
export type ResponseFields = IncomingHttpHeaders & IncomingHttpStatusHeader;

/** How the body of a response gets its end in HTTP/1.1. */
export type ResponseFraming = 'none' | 'empty' | 'length' | 'chunked';

/** What belongs to one HTTP/1.1 connection (RFC 9113 §8.2.2), or is said otherwise in HTTP/2. */
const CONNECTION_FIELDS: ReadonlySet<Field> = new Set<Field>([
  Field.HOST,
  Field.CONNECTION,
  Field.KEEP_ALIVE,
  Field.PROXY_CONNECTION,
  Field.TRANSFER_ENCODING,
  Field.UPGRADE,
  Field.HTTP2_SETTINGS,
  Field.TE,
]);

/** Besides those that nghttp2 refuses by itself: what this side says. */
const RESPONSE_CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'content-length',
]);

const UNSAFE_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const CRLF = '\r\n';

/** The fields of `head` as an HTTP/2 request. An Upgrade to WebSocket becomes an extended CONNECT (RFC 8441 §4). */
export function requestFields(head: RequestHead, scheme: 'http' | 'https'): OutgoingHttpHeaders {
  // Without a prototype: `__proto__` is a valid field name.
  const fields = Object.create(null) as Record<string, string>;
  const isWebSocket = head.upgrade !== '';
  fields[':method'] = isWebSocket ? 'CONNECT' : head.method;
  if (isWebSocket) fields[':protocol'] = head.upgrade;
  fields[':scheme'] = scheme;
  fields[':authority'] = head.value(head.find(Field.HOST));
  fields[':path'] = head.target;
  for (let i = 0; i < head.count; i++) {
    const id = head.id(i);
    if (CONNECTION_FIELDS.has(id) || (isWebSocket && id === Field.SEC_WEBSOCKET_KEY)) continue;
    addTo(fields, head.name(i).toLowerCase(), head.value(i));
  }
  // The relay writes TE only where the visitor understands trailers, and gRPC servers ask for it.
  if (head.find(Field.TE) >= 0) fields['te'] = 'trailers';
  return fields;
}

/** Trailers that follow a request's body. */
export function trailerFields(trailers: Fields | null): OutgoingHttpHeaders {
  const fields = Object.create(null) as Record<string, string>;
  for (let i = 0; trailers && i < trailers.count; i++) {
    addTo(fields, trailers.name(i).toLowerCase(), trailers.value(i));
  }
  return fields;
}

/** A final head as HTTP/1.1 text. Each stream carries one exchange, which `Connection: close` tells the relay. */
export function responseHeadText(fields: ResponseFields, framing: ResponseFraming): string {
  let text = statusLine(fields) + fieldLines(fields);
  const length = fields['content-length'];
  if (framing === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
  else if (framing === 'empty') text += 'Content-Length: 0\r\n';
  else if (length !== undefined) text += `Content-Length: ${checked('content-length', length)}\r\n`;
  return `${text}Connection: close\r\n\r\n`;
}

/** An interim (1xx) head as HTTP/1.1 text. */
export function interimHeadText(fields: ResponseFields): string {
  return `${statusLine(fields)}${fieldLines(fields)}\r\n`;
}

/** The answer to an Upgrade whose extended CONNECT was accepted: RFC 8441 §5 does without the key, RFC 6455 §4.2.2 not. */
export function switchingHeadText(fields: ResponseFields, webSocketKey: string): string {
  const { 'sec-websocket-accept': _unused, ...rest } = fields;
  return (
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    `Sec-WebSocket-Accept: ${acceptOf(webSocketKey)}\r\n${fieldLines(rest)}\r\n`
  );
}

/** Field lines, each with its CRLF, without pseudo-header fields and what frames a message. Throws Http2ResponseError. */
export function fieldLines(fields: ResponseFields): string {
  let text = '';
  for (const name of Object.keys(fields)) {
    if (name.startsWith(':') || RESPONSE_CONNECTION_FIELDS.has(name)) continue;
    const value = fields[name];
    if (Array.isArray(value)) for (const one of value) text += line(name, one);
    else if (value !== undefined) text += line(name, value);
  }
  return text;
}

function statusLine(fields: ResponseFields): string {
  const status = fields[':status'] ?? 0;
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}${CRLF}`;
}

function line(name: string, value: string): string {
  return `${name}: ${checked(name, value)}${CRLF}`;
}

/** nghttp2 drops such fields; a line break that slipped through would become a field of its own. */
function checked(name: string, value: string): string {
  if (UNSAFE_VALUE.test(value) || UNSAFE_VALUE.test(name)) {
    throw new Http2ResponseError('sent a field with a control character');
  }
  return value;
}

/** RFC 9110 §5.3: a repeated field is one list, with semicolons for Cookie (RFC 9113 §8.2.3). */
function addTo(fields: Record<string, string>, name: string, value: string): void {
  const earlier = fields[name];
  if (earlier === undefined) fields[name] = value;
  else fields[name] = `${earlier}${name === 'cookie' ? ';' : ','} ${value}`;
}
