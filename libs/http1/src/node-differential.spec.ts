// Node's own HTTP server and client as external judges: they must accept whatever we accept, with the same meaning. Where
// they are laxer than we are is listed below and checked too.
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HttpSyntaxError } from './errors.js';
import { Field } from './field.js';
import { HeadReader } from './head-reader.js';
import { DEFAULT_CHUNKED_LIMITS, DEFAULT_HEAD_LIMITS } from './limits.js';
import { Framing } from './message-head.js';
import type { RequestHead } from './request-head.js';
import { parseRequestHead } from './request-head.js';
import type { ResponseHead } from './response-head.js';
import { parseResponseHead } from './response-head.js';
import { generateChunked, generateRequest, generateResponse, mutate } from './spec/generate.js';
import type { PlainField } from './spec/plain-lines.js';
import { checkChunked, checkRequest, list, scanBody } from './spec/properties.js';
import { Random } from './spec/random.js';

/** How Node interpreted the bytes of one connection. */
type NodeReading =
  | { readonly ok: false; readonly code: string }
  | {
      readonly ok: true;
      readonly method: string;
      readonly url: string;
      readonly version: string;
      readonly fields: readonly string[];
      readonly body: string;
      readonly trailers: readonly string[];
    };

const KNOWN_METHODS = new Set(http.METHODS);
let server: http.Server;
/** By the client's port. */
const waiting = new Map<number, (reading: NodeReading) => void>();

beforeAll(async () => {
  server = http.createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      waiting.get(request.socket.remotePort!)?.({
        ok: true,
        method: request.method!,
        url: request.url!,
        version: request.httpVersion,
        fields: request.rawHeaders,
        body: Buffer.concat(pieces).toString('latin1'),
        trailers: request.rawTrailers,
      });
      response.end();
    });
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: net.Socket) => {
    waiting.get(socket.remotePort!)?.({ ok: false, code: error.code ?? error.message });
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** Sends `bytes` on a new connection and waits until Node reports a whole request, or a fault. */
async function readWithNode(bytes: string): Promise<NodeReading> {
  const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('connect', resolve));
  const port = socket.localPort!;
  const reading = new Promise<NodeReading>((resolve) => waiting.set(port, resolve));
  socket.write(bytes, 'latin1');
  const result = await reading;
  waiting.delete(port);
  socket.destroy();
  return result;
}

function accept(text: string): RequestHead | null {
  const reader = new HeadReader(DEFAULT_HEAD_LIMITS);
  const chunk = Buffer.from(text, 'latin1');
  try {
    const end = reader.push(chunk, 0);
    return end === -1 ? null : parseRequestHead(chunk, reader.start, end, DEFAULT_HEAD_LIMITS);
  } catch (error) {
    if (error instanceof HttpSyntaxError) return null;
    throw error;
  }
}

function acceptResponse(text: string, requestMethod: string): ResponseHead | null {
  const reader = new HeadReader(DEFAULT_HEAD_LIMITS, 'response');
  const chunk = Buffer.from(text, 'latin1');
  try {
    const end = reader.push(chunk, 0);
    return end === -1
      ? null
      : parseResponseHead(chunk, reader.start, end, DEFAULT_HEAD_LIMITS, requestMethod);
  } catch (error) {
    if (error instanceof HttpSyntaxError) return null;
    throw error;
  }
}

/** Node's client treats any response with these two fields as an upgrade, whatever its status. */
function isUpgradeToNode(head: ResponseHead): boolean {
  return head.find(Field.UPGRADE) !== -1 && /upgrade/i.test(head.text);
}

type NodeAnswer =
  | { readonly ok: false; readonly code: string }
  | {
      readonly ok: true;
      readonly status: number;
      readonly reason: string;
      readonly version: string;
      readonly fields: readonly string[];
      readonly body: string;
      readonly trailers: readonly string[];
    };

/** Lets Node's client send a request and answers it with `bytes` and the end of the connection. */
async function readAnswerWithNode(bytes: string, method: string): Promise<NodeAnswer> {
  const answering = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(bytes, 'latin1'));
  });
  await new Promise<void>((resolve) => answering.listen(0, '127.0.0.1', resolve));
  const { port } = answering.address() as AddressInfo;
  const answer = await new Promise<NodeAnswer>((resolve) => {
    const refuse = (error: NodeJS.ErrnoException) =>
      resolve({ ok: false, code: error.code ?? error.message });
    const request = http.request({ port, host: '127.0.0.1', method, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', refuse);
      response.on('end', () => {
        resolve({
          ok: true,
          status: response.statusCode!,
          reason: response.statusMessage!,
          version: response.httpVersion,
          fields: response.rawHeaders,
          body: Buffer.concat(pieces).toString('latin1'),
          trailers: response.rawTrailers,
        });
      });
    });
    request.on('error', refuse);
    request.end();
  });
  await new Promise((resolve) => answering.close(resolve));
  return answer;
}

interface SentBody {
  /** The bytes on the wire. */
  readonly sent: string;
  readonly payload: string;
  readonly trailers: readonly PlainField[];
}

// Node obeys these in trailers. We drop them earlier, with all other forbidden trailers.
const FRAMING = /^(?:content-length|transfer-encoding|connection|upgrade)$/i;
const MAX_BODY_BYTES = 100;

/** Returns a body that `framing` allows, or null if the generated one does not fit. */
function makeBody(framing: Framing, contentLength: number, random: Random): SentBody | null {
  switch (framing) {
    case Framing.NONE:
      return { sent: '', payload: '', trailers: [] };
    case Framing.LENGTH: {
      const payload = 'b'.repeat(Math.min(contentLength, MAX_BODY_BYTES));
      return contentLength > MAX_BODY_BYTES ? null : { sent: payload, payload, trailers: [] };
    }
    case Framing.UNTIL_CLOSE:
      return { sent: 'until close', payload: 'until close', trailers: [] };
    case Framing.CHUNKED: {
      const generated = generateChunked(random);
      const text = random.oneIn(3) ? mutate(random, generated) : generated;
      const body = scanBody([Buffer.from(text, 'latin1')], 'decoded', DEFAULT_CHUNKED_LIMITS);
      if (body.kind !== 'complete' || body.trailers.some(({ name }) => FRAMING.test(name))) return null;
      return { sent: text.slice(0, body.end), payload: body.output, trailers: body.trailers };
    }
  }
}

function flat(fields: readonly PlainField[]): string[] {
  return fields.flatMap(({ name, value }) => [name, value]);
}

const SEEDS = [1, 2, 3];
const MESSAGES_PER_SEED = 250;

describe('requests and Node’s parser', () => {
  it.each(SEEDS)('agree on whatever we accept (seed %i)', async (seed) => {
    const random = new Random(seed);
    for (let compared = 0; compared < MESSAGES_PER_SEED;) {
      const generated = generateRequest(random);
      const head = accept(random.oneIn(2) ? mutate(random, generated) : generated);
      // Node has a closed list of methods. We pass on any token: refusing a method is up to the service.
      if (head === null || !KNOWN_METHODS.has(head.method)) continue;
      const body = makeBody(head.framing, head.contentLength, random);
      if (body === null) continue;
      const sent = head.text + body.sent;
      expect({ sent, ...(await readWithNode(sent)) }).toEqual({
        sent,
        ok: true,
        method: head.method,
        // Node leaves the absolute-form as it is.
        url: head.text.split(' ')[1],
        version: `1.${head.minorVersion}`,
        fields: flat(list(head)),
        body: body.payload,
        trailers: flat(body.trailers),
      });
      compared++;
    }
  });
});

describe('responses and Node’s parser', () => {
  it.each(SEEDS)('agree on whatever we accept (seed %i)', async (seed) => {
    const random = new Random(seed);
    for (let compared = 0; compared < MESSAGES_PER_SEED;) {
      const method = random.pick(['GET', 'GET', 'HEAD']);
      const generated = generateResponse(random);
      const head = acceptResponse(random.oneIn(2) ? mutate(random, generated) : generated, method);
      // Interim responses are not final, and an upgrade is not a response to Node's client.
      if (head === null || head.status < 200 || isUpgradeToNode(head)) continue;
      // Node reads 205 by its fields. What is odd is compared where whole responses are: test/differential.
      if (head.oddities !== 0) continue;
      const body = makeBody(head.framing, head.contentLength, random);
      if (body === null) continue;
      const sent = head.text + body.sent;
      expect({ sent, ...(await readAnswerWithNode(sent, method)) }).toEqual({
        sent,
        ok: true,
        status: head.status,
        reason: head.reason,
        version: `1.${head.minorVersion}`,
        fields: flat(list(head)),
        body: body.payload,
        trailers: flat(body.trailers),
      });
      compared++;
    }
  });
});

const chunked = (body: string) => `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;

// Faults that Node's parser accepts, and we refuse. Remove a row when Node refuses it too.
describe('requests and responses that Node accepts', () => {
  it.each([
    ['BAD_START_LINE', 'HTTP/0.9 with fields and a body', 'POST /\r\nHost: a\r\nContent-Length: 1\r\n\r\nx'],
    ['BARE_LF', 'a request line without version that ends with LF', 'GET /\nHost: a\r\n\r\n'],
    ['BARE_LF', 'an LF before the request line', '\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    [
      'BAD_START_LINE',
      'several empty lines before the request line',
      '\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
    ],
    ['BAD_START_LINE', 'several spaces in the request line', 'GET   / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['BAD_START_LINE', 'RTSP', 'OPTIONS / RTSP/1.0\r\nHost: a\r\n\r\n'],
    ['UNSUPPORTED_VERSION', 'HTTP/2.0 in text', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n'],
    ['UNSUPPORTED_VERSION', 'HTTP/0.9 by name', 'GET / HTTP/0.9\r\nHost: a\r\n\r\n'],
    ['BAD_TARGET', 'a fragment in the target', 'GET /#x HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['BAD_TARGET', '* for GET', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['BAD_TARGET', 'absolute-form of any scheme', 'GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['HOST_MISMATCH', 'absolute-form of another host', 'GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['HOST_MISMATCH', 'absolute-form with user information', 'GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['MISSING_HOST', 'HTTP/1.0 without Host', 'GET / HTTP/1.0\r\n\r\n'],
    ['REPEATED_HOST', 'two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
    ['BAD_HOST', 'an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n'],
    ['BAD_HOST', 'a list of hosts', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n'],
    ['BAD_HOST', 'a Host with user information', 'GET / HTTP/1.1\r\nHost: u@a\r\n\r\n'],
    ['BAD_HOST', 'a Host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
    ['BAD_HOST', 'a port above 65535', 'GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n'],
    [
      'BAD_CONNECTION',
      'a field that an option names which is not a token',
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: x b@;\r\nX: 1\r\n\r\n',
    ],
    [
      'TRANSFER_ENCODING_IN_HTTP10',
      'chunked in HTTP/1.0',
      'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'UNSUPPORTED_TRANSFER_CODING',
      'codings below chunked',
      chunked('0\r\n\r\n').replace('chunked', 'gzip, chunked'),
    ],
    ['BAD_TRANSFER_ENCODING', 'an empty coding', chunked('0\r\n\r\n').replace('chunked', ',chunked')],
    ['BAD_TRANSFER_ENCODING', 'an empty Transfer-Encoding', chunked('').replace('chunked', '')],
    [
      'REPEATED_TRANSFER_ENCODING',
      'codings in two fields',
      chunked('0\r\n\r\n').replace('Transfer', 'Transfer-Encoding: gzip\r\nTransfer'),
    ],
  ])('are refused with %s: %s', async (code, _what, sent) => {
    expect(await readWithNode(sent)).toMatchObject({ ok: true });
    expect(checkRequest(sent, DEFAULT_HEAD_LIMITS)).toBe(code);
  });

  it.each([
    ['BAD_CHUNK_EXTENSION', 'an extension without name', '1;=b\r\nx\r\n0\r\n\r\n'],
    ['BAD_CHUNK_SIZE', 'a size of 15 digits', '000000000000001\r\nx\r\n0\r\n\r\n'],
  ])('are refused with %s: %s', async (code, _what, body) => {
    expect(await readWithNode(chunked(body))).toMatchObject({ ok: true });
    expect(checkChunked(body, DEFAULT_CHUNKED_LIMITS)).toBe(code);
  });
});
