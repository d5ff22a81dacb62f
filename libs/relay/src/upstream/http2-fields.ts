/**
 * Heads between HTTP/1.1, which an exchange speaks, and HTTP/2, which the ingress speaks (RFC 9113 §8.2 and §8.3).
 * The exchange then reads the result with its strict parser.
 */
import { STATUS_CODES } from 'node:http';
import { acceptOf, Field, type Fields, type RequestHead } from '@culvert/http1';
import {
  FieldKind,
  type HeaderField,
  type HpackEncoder,
  type ResponseFields,
  type Trailers,
} from '@culvert/http2';

/** How the body of a response ends in HTTP/1.1. */
export type ResponseFraming = 'none' | 'empty' | 'length' | 'chunked';

/** Fields that belong to one HTTP/1.1 connection (RFC 9113 §8.2.2), or have another form in HTTP/2. */
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

const CRLF = '\r\n';

/** Adds the fields of `head` as an HTTP/2 request. An Upgrade to WebSocket becomes an extended CONNECT (RFC 8441 §4). */
export function addRequestFields(encoder: HpackEncoder, head: RequestHead, scheme: 'http' | 'https'): void {
  const isWebSocket = head.upgrade !== '';
  add(encoder, ':method', isWebSocket ? 'CONNECT' : head.method);
  if (isWebSocket) add(encoder, ':protocol', head.upgrade);
  add(encoder, ':scheme', scheme);
  add(encoder, ':authority', head.value(head.find(Field.HOST)));
  // A query seldom comes again, and may be secret.
  if (head.target.includes('?')) encoder.addOnce(':path', head.target);
  else add(encoder, ':path', head.target);
  for (const [name, value] of joined(head, isWebSocket)) add(encoder, name, value);
  // The relay writes TE only where the visitor understands trailers, and gRPC servers ask for it.
  if (head.find(Field.TE) >= 0) add(encoder, 'te', 'trailers');
}

/** Trailers that follow a request's body. */
export function requestTrailers(trailers: Fields | null): Trailers {
  return trailers === null ? [] : [...joined(trailers, false)];
}

/** Returns a final head as HTTP/1.1. Each stream carries one exchange, which `Connection: close` signals to the relay. */
export function responseHead(response: ResponseFields, framing: ResponseFraming): Buffer {
  const known = knownOf(response);
  if (known.framing === framing) return known.head;
  const { status, contentLength } = response;
  let text = statusLine(status) + fieldLines(response.fields);
  if (framing === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
  else if (framing === 'empty') text += 'Content-Length: 0\r\n';
  else if (contentLength >= 0 && status !== 204) text += `Content-Length: ${contentLength}\r\n`;
  known.framing = framing;
  known.head = Buffer.from(`${text}Connection: close\r\n\r\n`, 'latin1');
  return known.head;
}

/** Returns an interim (1xx) head as HTTP/1.1 text. */
export function interimHead({ status, fields }: ResponseFields): string {
  return `${statusLine(status)}${fieldLines(fields)}${CRLF}`;
}

/**
 * Returns the answer to an Upgrade whose extended CONNECT was accepted: RFC 8441 §5 does without the key, RFC 6455 §4.2.2
 * does not.
 */
export function switchingHead({ fields }: ResponseFields, webSocketKey: string): string {
  const passing = fields.filter(({ name }) => name !== 'sec-websocket-accept');
  return (
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    `Sec-WebSocket-Accept: ${acceptOf(webSocketKey)}\r\n${fieldLines(passing)}\r\n`
  );
}

/** Returns the end of a chunked body with these trailers. */
export function lastChunkOf(trailers: readonly HeaderField[]): string {
  return `0${CRLF}${fieldLines(trailers)}${CRLF}`;
}

/**
 * Reports whether a response with a length may also have trailers, which HTTP/1.1 cannot express: then the length
 * is dropped. RFC 9110 §6.5.1 asks for `TE` in the request, §6.6.2 for `Trailer` in the response; gRPC needs neither.
 */
export function mayHaveTrailers(request: RequestHead, response: ResponseFields): boolean {
  return request.find(Field.TE) >= 0 && knownOf(response).announcesTrailers;
}

/** The parsed fields of a response, reused when the same object comes again. */
class KnownResponse {
  /** Whether `head` is there, and how its body ends. */
  framing: ResponseFraming | '' = '';
  head: Buffer = Buffer.alloc(0);
  readonly announcesTrailers: boolean;

  constructor({ fields }: ResponseFields) {
    this.announcesTrailers = fields.some(
      ({ name, value }) =>
        name === 'trailer' || (name === 'content-type' && /^application\/grpc/i.test(value)),
    );
  }
}

function knownOf(response: ResponseFields): KnownResponse {
  response.memo ??= new KnownResponse(response);
  return response.memo as KnownResponse;
}

function add(encoder: HpackEncoder, name: string, value: string): void {
  const key = `${name}: ${value}`;
  if (!encoder.addKnown(key)) encoder.add(name, value, key);
}

/**
 * Returns the fields that pass, in lower case. A repeated one is one list (RFC 9110 §5.3), with semicolons for Cookie (RFC
 * 9113 §8.2.3).
 */
function joined(fields: Fields, isWebSocket: boolean): Map<string, string> {
  const passing = new Map<string, string>();
  for (let i = 0; i < fields.count; i++) {
    const id = fields.id(i);
    if (CONNECTION_FIELDS.has(id) || (isWebSocket && id === Field.SEC_WEBSOCKET_KEY)) continue;
    const name = fields.name(i).toLowerCase();
    const earlier = passing.get(name);
    const value = fields.value(i);
    passing.set(name, earlier === undefined ? value : `${earlier}${name === 'cookie' ? ';' : ','} ${value}`);
  }
  return passing;
}

/** Returns field lines, each with its CRLF, without the length, which belongs to the framing. */
function fieldLines(fields: readonly HeaderField[]): string {
  let text = '';
  for (const field of fields) if (field.kind !== FieldKind.CONTENT_LENGTH) text += field.line;
  return text;
}

function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}${CRLF}`;
}
