// Node's own HTTP server as the outside judge: whatever we accept, it accepts with the same meaning. Where it is
// laxer than we are is listed below, case by case, and checked too.
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_CHUNKED_LIMITS, DEFAULT_HEAD_LIMITS } from './limits.js';
import { Framing } from './message-head.js';
import type { RequestHead } from './request-head.js';
import { parseRequestHead } from './request-head.js';
import { HeadReader } from './head-reader.js';
import { HttpSyntaxError } from './errors.js';
import { generateChunked, generateRequest, mutate } from './spec/generate.js';
import { list, scanBody } from './spec/properties.js';
import { Random } from './spec/random.js';

/** What Node made of the bytes of one connection. */
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
const FRAMING = /^(?:content-length|transfer-encoding|connection|upgrade)$/i;
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

/** Sends `bytes` on a connection of their own and waits for Node to see a whole request in them, or a fault. */
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

function accept(text: string): { readonly head: RequestHead; readonly end: number } | null {
  const reader = new HeadReader(DEFAULT_HEAD_LIMITS);
  const chunk = Buffer.from(text, 'latin1');
  try {
    const end = reader.push(chunk, 0);
    return end === -1 ? null : { head: parseRequestHead(chunk, reader.start, end, DEFAULT_HEAD_LIMITS), end };
  } catch (error) {
    if (error instanceof HttpSyntaxError) return null;
    throw error;
  }
}

function pairs(fields: RequestHead | null): string[] {
  return list(fields).flatMap(({ name, value }) => [name, value]);
}

describe('against Node', () => {
  it.each([1, 2, 3])('reads whatever it accepts as Node does (seed %i)', async (seed) => {
    const random = new Random(seed);
    let compared = 0;
    while (compared < 250) {
      const generated = generateRequest(random);
      const accepted = accept(random.oneIn(2) ? mutate(random, generated) : generated);
      if (accepted === null) continue;
      const { head } = accepted;
      // Node knows a closed list of methods. We pass on any token: refusing a method is the service's business.
      if (!KNOWN_METHODS.has(head.method) || head.contentLength > 100) continue;
      let sentBody = '';
      if (head.framing === Framing.LENGTH) sentBody = 'b'.repeat(head.contentLength);
      let body = { output: sentBody, trailers: [] as readonly { name: string; value: string }[] };
      if (head.framing === Framing.CHUNKED) {
        const generatedBody = random.oneIn(3)
          ? mutate(random, generateChunked(random))
          : generateChunked(random);
        const scanned = scanBody([Buffer.from(generatedBody, 'latin1')], 'decoded', DEFAULT_CHUNKED_LIMITS);
        // Node also obeys framing fields in trailers; we drop them before they get that far.
        if (scanned.kind !== 'complete' || scanned.trailers.some(({ name }) => FRAMING.test(name))) continue;
        body = scanned;
        sentBody = generatedBody.slice(0, scanned.end);
      }
      const sent = head.text + sentBody;
      const reading = await readWithNode(sent);
      const sentTarget = head.text.split(' ')[1];
      expect({ sent, reading }).toEqual({
        sent,
        reading: {
          ok: true,
          method: head.method,
          url: sentTarget,
          version: `1.${head.minorVersion}`,
          fields: pairs(head),
          body: body.output,
          trailers: body.trailers.flatMap(({ name, value }) => [name, value]),
        },
      });
      compared++;
    }
  });
});
