/** Exchanges as an HTTP Archive, version 1.2. Secrets are masked as the API masks them. */
import type { CapturedBody, Exchange, ExchangeBodies, ExchangeMessage } from '@culvert/contract';
import { STATUS_CODES } from 'node:http';
import { decodedBytes, MAX_SHARED_DECODED_BYTES, textOf } from './body-text.js';

/** An exchange that has ended, and its bodies if they were captured. */
export interface HarItem {
  readonly exchange: Exchange;
  readonly bodies: ExchangeBodies | null;
}

/** Comment on a body whose content coding is not known, or that would exceed 1 MiB without it. */
const CODED = 'still has its content coding';

type Fields = Exchange['request']['fields'];

const VERSIONS: Readonly<Record<string, string>> = { '1.0': 'HTTP/1.0', '1.1': 'HTTP/1.1', '2': 'HTTP/2' };

/** Opcodes of RFC 6455 §5.2. */
const OPCODES: Partial<Record<ExchangeMessage['kind'], number>> = {
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
};

/**
 * Yields the JSON text of an archive in parts, one for each exchange: as a whole it could be longer than a string can be.
 * @param origin URL of the preview without a path
 */
export function* harText(
  items: Iterable<HarItem>,
  {
    origin,
    version,
    comment,
  }: { readonly origin: string; readonly version: string; readonly comment: string },
): Generator<string> {
  yield harStart(version);
  let separator = '\n';
  for (const item of items) {
    yield separator + harEntry(item, origin);
    separator = ',\n';
  }
  yield harEnd(comment);
}

/** Returns the text of an archive before its first entry. */
export function harStart(version: string): string {
  return `{ "log": { "version": "1.2", "creator": ${JSON.stringify({ name: 'culvert', version })}, "entries": [`;
}

/** Returns the text of one entry, without the comma between entries. */
export function harEntry(item: HarItem, origin: string): string {
  return JSON.stringify(entryOf(item, origin), null, 2);
}

/** Returns the text of an archive after its last entry. */
export function harEnd(comment: string): string {
  return `\n], "comment": ${JSON.stringify(comment)} } }\n`;
}

function entryOf({ exchange, bodies }: HarItem, origin: string): object {
  const timings = timingsOf(exchange);
  const { error, visitor, replayOf } = exchange;
  return {
    startedDateTime: exchange.startedAt,
    time: Object.values(timings).reduce((sum, ms) => sum + Math.max(ms, 0), 0),
    request: requestOf(exchange, origin, bodies?.request ?? null),
    response: responseOf(exchange, bodies?.response ?? null),
    cache: {},
    timings,
    _id: exchange.id,
    _visitor: visitor,
    ...(error !== null && { _error: error }),
    ...(replayOf !== null && { _replayOf: replayOf }),
    ...messagesOf(exchange, bodies?.messages ?? []),
  };
}

/** Returns the messages of a WebSocket as Chromium writes them, and others as the API describes them. */
function messagesOf({ upgrade }: Exchange, messages: readonly ExchangeMessage[]): object {
  if (messages.length === 0) return {};
  if (upgrade?.toLowerCase() !== 'websocket') return { _messages: messages };
  return {
    _resourceType: 'websocket',
    _webSocketMessages: messages.map(({ direction, kind, at, text, base64 }) => ({
      type: direction === 'request' ? 'send' : 'receive',
      time: Date.parse(at) / 1000,
      opcode: OPCODES[kind] ?? -1,
      data: text ?? base64 ?? '',
    })),
  };
}

function timingsOf({ timings }: Exchange) {
  const { gateMs, waitMs, connectMs, firstByteMs, bodyMs } = timings;
  return {
    blocked: gateMs === null && waitMs === null ? -1 : (gateMs ?? 0) + (waitMs ?? 0),
    dns: -1,
    connect: connectMs ?? -1,
    ssl: -1,
    send: 0,
    wait: firstByteMs ?? 0,
    receive: bodyMs ?? 0,
  };
}

function requestOf(
  { method, target, httpVersion, request, bytesIn }: Exchange,
  origin: string,
  body: CapturedBody | null,
) {
  const url = origin + target;
  return {
    method,
    url,
    httpVersion: VERSIONS[httpVersion] ?? httpVersion,
    cookies: valuesOf(request.fields, 'cookie').flatMap((value) => value.split('; ').map(cookieOf)),
    headers: headersOf(request.fields),
    queryString: queryOf(target),
    headersSize: -1,
    bodySize: body === null ? -1 : body.bytes,
    ...(body !== null && body.bytes > 0 && { postData: postDataOf(body) }),
    _bytes: bytesIn,
  };
}

function responseOf({ httpVersion, response, status, error, bytesOut }: Exchange, body: CapturedBody | null) {
  const fields = response?.fields ?? [];
  return {
    // Browsers write 0 for a request that got no response.
    status: status ?? 0,
    statusText: status === null ? (error ?? '') : (STATUS_CODES[status] ?? ''),
    httpVersion: VERSIONS[httpVersion] ?? httpVersion,
    cookies: valuesOf(fields, 'set-cookie').map((value) => cookieOf(value.split(';')[0] ?? '')),
    headers: headersOf(fields),
    content: contentOf(body, valuesOf(fields, 'content-type')[0] ?? ''),
    redirectURL: valuesOf(fields, 'location')[0] ?? '',
    headersSize: -1,
    bodySize: body === null ? -1 : body.bytes,
    _bytes: bytesOut,
  };
}

function contentOf(body: CapturedBody | null, contentType: string) {
  if (body === null) return { size: 0, mimeType: contentType };
  const { isTruncated } = body;
  const { bytes, isDecoded } = decodedBytes(body, MAX_SHARED_DECODED_BYTES);
  const text = isDecoded ? textOf(bytes, { isTruncated }) : null;
  return {
    size: isDecoded && !isTruncated ? bytes.length : body.bytes,
    ...(isDecoded &&
      !isTruncated &&
      bytes.length !== body.bytes && { compression: bytes.length - body.bytes }),
    mimeType: body.contentType ?? contentType,
    ...(text === null ? { text: bytes.toString('base64'), encoding: 'base64' } : { text }),
    ...(isTruncated && { comment: 'The body is longer than what was captured.' }),
    ...(!isDecoded && !isTruncated && { comment: CODED }),
  };
}

/** The archive has no encoding for bodies of requests, so other bytes than text are in base64, and a comment says so. */
function postDataOf(body: CapturedBody) {
  const { isTruncated, contentType } = body;
  const { bytes, isDecoded } = decodedBytes(body, MAX_SHARED_DECODED_BYTES);
  const text = isDecoded ? textOf(bytes, { isTruncated }) : null;
  const comment = [
    text === null ? 'base64' : '',
    isTruncated ? 'longer than what was captured' : '',
    isDecoded || isTruncated ? '' : CODED,
  ];
  return {
    mimeType: contentType ?? '',
    params: [],
    text: text ?? bytes.toString('base64'),
    ...(comment.some(Boolean) && { comment: comment.filter(Boolean).join(', ') }),
  };
}

function headersOf(fields: Fields) {
  return fields.map(({ name, value }) => ({ name, value }));
}

function valuesOf(fields: Fields, name: string): string[] {
  return fields.filter((field) => field.name.toLowerCase() === name).map(({ value }) => value);
}

function cookieOf(pair: string) {
  const at = pair.indexOf('=');
  return at < 0 ? { name: '', value: pair } : { name: pair.slice(0, at).trim(), value: pair.slice(at + 1) };
}

function queryOf(target: string) {
  const at = target.indexOf('?');
  if (at < 0) return [];
  return [...new URLSearchParams(target.slice(at + 1))].map(([name, value]) => ({ name, value }));
}
