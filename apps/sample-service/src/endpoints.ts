/** Endpoints for programs: each shows one feature of HTTP. Every size and time is bounded. */
import { STATUS_CODES } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { digestBody } from './body.js';
import { type Handler, numberParameter, sendJson, sendText, wholeNumber } from './exchange.js';

const MAX_BYTES = 4 * 1024 ** 3;
const MAX_SLOW_MS = 60_000;
const MAX_CHUNKS = 10_000;
const MAX_CHUNK_PAUSE_MS = 5000;

/** A pattern of 64 KiB: byte `i` of every response is `i % 256`, so that a reader can check it. */
const PATTERN = Buffer.from(Array.from({ length: 64 * 1024 }, (_, index) => index & 0xff));

export const sendBytes: Handler = async ({ request, response, params }) => {
  const total = wholeNumber(params[0], { name: 'the number of bytes', min: 0, max: MAX_BYTES });
  response.writeHead(200, {
    'content-type': 'application/octet-stream',
    'content-length': total,
    'cache-control': 'no-store',
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  await pipeline(Readable.from(patternOf(total), { objectMode: false }), response);
};

function* patternOf(total: number): Generator<Buffer> {
  let left = total;
  while (left > 0) {
    yield left >= PATTERN.length ? PATTERN : PATTERN.subarray(0, left);
    left -= PATTERN.length;
  }
}

/** Discards the body and reports its size and digest. */
export const receiveUpload: Handler = async ({ request, response }) => {
  const contentType = request.headers['content-type'] ?? null;
  const { bytes, sha256 } = await digestBody(request);
  sendJson(response, { bytes, sha256, contentType });
};

/** The request as the service receives it: header names in their own case and order, repeated ones repeated. */
export const describeRequest: Handler = async ({ request, response, identity }) => {
  const { bytes, sha256 } = await digestBody(request);
  sendJson(response, {
    service: identity.name,
    method: request.method,
    target: request.url,
    httpVersion: request.httpVersion,
    headers: headerPairs(request.rawHeaders),
    trailers: headerPairs(request.rawTrailers),
    bytes,
    sha256,
  });
};

export function headerPairs(raw: readonly string[]): [name: string, value: string][] {
  return Array.from({ length: raw.length / 2 }, (_, index) => [raw[2 * index], raw[2 * index + 1]]);
}

export const sendStatus: Handler = ({ response, params }) => {
  const status = wholeNumber(params[0], { name: 'the status', min: 200, max: 599 });
  if (status === 204 || status === 205 || status === 304) {
    response.writeHead(status, status === 205 ? { 'content-length': 0 } : {}).end();
  } else {
    sendText(response, `${status} ${STATUS_CODES[status] ?? 'Unnamed'}\n`, status);
  }
};

export const answerSlowly: Handler = async ({ response, url }) => {
  const ms = numberParameter(url, 'ms', { fallback: 1000, max: MAX_SLOW_MS });
  if (await waitWhileOpen(response, ms)) sendText(response, `answered after ${ms} ms\n`);
};

/** `chunks` chunks, `ms` apart, then a trailer that counts them. */
export const sendChunked: Handler = async ({ request, response, url }) => {
  const chunks = numberParameter(url, 'chunks', { fallback: 5, max: MAX_CHUNKS });
  const ms = numberParameter(url, 'ms', { fallback: 100, max: MAX_CHUNK_PAUSE_MS });
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', trailer: 'x-chunk-count' });
  if (request.method !== 'HEAD') {
    for (let index = 1; index <= chunks; index += 1) {
      if (index > 1 && !(await waitWhileOpen(response, ms))) return;
      response.write(`chunk ${index} of ${chunks}\n`);
    }
    response.addTrailers({ 'x-chunk-count': String(chunks) });
  }
  response.end();
};

/** Names the stylesheet in a 103 before the final response is ready. */
export const sendEarlyHints: Handler = async ({ response }) => {
  response.writeEarlyHints({ link: '</assets/style.css>; rel=preload; as=style' });
  if (await waitWhileOpen(response, 100)) sendText(response, 'a 103 (Early Hints) came before this\n');
};

/** Returns false if the visitor left before the time was up. */
async function waitWhileOpen(
  response: NodeJS.EventEmitter & { readonly closed: boolean },
  ms: number,
): Promise<boolean> {
  if (response.closed) return false;
  const controller = new AbortController();
  const leave = () => controller.abort();
  response.once('close', leave);
  try {
    await delay(ms, undefined, { signal: controller.signal });
    return true;
  } catch {
    return false;
  } finally {
    response.removeListener('close', leave);
  }
}
