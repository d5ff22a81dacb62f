import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { CapturedBody, Exchange, ExchangeMessage } from '@culvert/contract';
import { harText, type HarItem } from '@culvert/exchanges';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HarRecording } from './har-recording.js';
import { har } from '../spec/har-schema.js';

const ORIGIN = 'https://k3v9.preview.example';

function exchangeOf(change: Partial<Exchange> = {}): Exchange {
  const field = (name: string, value: string) => ({ name, value, isMasked: false });
  return {
    id: 'exchange-1',
    state: 'ended',
    startedAt: '2030-01-01T00:00:00.000Z',
    method: 'POST',
    target: '/basket?article=17&q=***',
    httpVersion: '1.1',
    upgrade: null,
    visitor: { address: '203.0.113.7', kind: 'member', id: null },
    replayOf: null,
    request: {
      fields: [field('Host', 'k3v9'), { name: 'cookie', value: 'sid=***; a=b', isMasked: true }],
      isTruncated: false,
    },
    response: {
      fields: [field('content-type', 'text/plain'), field('set-cookie', 'sid=***; Path=/; HttpOnly')],
      isTruncated: false,
    },
    notes: [],
    changes: [],
    status: 201,
    error: null,
    timings: { gateMs: 1, waitMs: 2, connectMs: null, firstByteMs: 30, bodyMs: 4 },
    bytesIn: 100,
    bytesOut: 200,
    ...change,
  };
}

function bodyOf(bytes: Buffer, change: Partial<CapturedBody> = {}): CapturedBody {
  return {
    base64: bytes.toString('base64'),
    bytes: bytes.length,
    isTruncated: false,
    contentType: 'text/plain',
    contentEncoding: null,
    ...change,
  };
}

const archive = (...items: HarItem[]) =>
  har.parse(JSON.parse([...harText(items, { origin: ORIGIN, version: '1.0', comment: '' })].join('')));
const withBodies = (request: CapturedBody | null, response: CapturedBody | null): HarItem => ({
  exchange: exchangeOf(),
  bodies: { id: 'exchange-1', request, response },
});

describe(harText.name, () => {
  it('writes requests, responses and times as HAR 1.2, with secrets masked', () => {
    const [entry] = archive({ exchange: exchangeOf(), bodies: null }).log.entries;
    expect(entry).toMatchObject({
      startedDateTime: '2030-01-01T00:00:00.000Z',
      time: 37,
      timings: { blocked: 3, dns: -1, connect: -1, ssl: -1, send: 0, wait: 30, receive: 4 },
      request: {
        method: 'POST',
        url: `${ORIGIN}/basket?article=17&q=***`,
        httpVersion: 'HTTP/1.1',
        queryString: [
          { name: 'article', value: '17' },
          { name: 'q', value: '***' },
        ],
        cookies: [
          { name: 'sid', value: '***' },
          { name: 'a', value: 'b' },
        ],
        bodySize: -1,
      },
      response: {
        status: 201,
        statusText: 'Created',
        cookies: [{ name: 'sid', value: '***' }],
        content: { size: 0, mimeType: 'text/plain' },
      },
    });
  });

  it('has no response for a request that got none', () => {
    const exchange = exchangeOf({ response: null, status: null, error: 'cancelled' });
    const [entry] = archive({ exchange, bodies: null }).log.entries;
    expect(entry?.response).toMatchObject({ status: 0, statusText: 'cancelled', headers: [] });
  });

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
  ] as const)('decodes a body in %s', (contentEncoding, compress) => {
    const text = 'a'.repeat(1000);
    const bytes = compress(Buffer.from(text));
    const [entry] = archive(withBodies(null, bodyOf(bytes, { contentEncoding }))).log.entries;
    expect(entry?.response.content).toMatchObject({
      size: 1000,
      compression: 1000 - bytes.length,
      text,
    });
  });

  it.each([
    ['bytes that are not text', bodyOf(Buffer.from([0, 255, 10]))],
    ['an unknown coding', bodyOf(Buffer.from('text'), { contentEncoding: 'zstd' })],
    ['a wrong coding', bodyOf(Buffer.from('text'), { contentEncoding: 'gzip' })],
    ['a coded body that was cut', bodyOf(gzipSync('text'), { contentEncoding: 'gzip', isTruncated: true })],
  ])('writes %s in base64', (_name, body) => {
    const [entry] = archive(withBodies(body, body)).log.entries;
    expect(entry?.response.content).toMatchObject({ text: body.base64, encoding: 'base64' });
    expect(entry?.request.postData).toMatchObject({ text: body.base64 });
    expect(entry?.request.postData?.comment).toContain('base64');
  });

  it('writes messages of a WebSocket as Chromium does', () => {
    const message = (change: Partial<ExchangeMessage>): ExchangeMessage => ({
      exchangeId: 'exchange-1',
      seq: 0,
      at: '2030-01-01T00:00:01.500Z',
      direction: 'request',
      kind: 'text',
      bytes: 2,
      isCompressed: false,
      code: null,
      text: 'hi',
      base64: null,
      isTruncated: false,
      ...change,
    });
    const messages = [
      message({}),
      message({ seq: 1, direction: 'response', kind: 'binary', text: null, base64: 'AP8=' }),
    ];
    const bodies = { id: 'exchange-1', request: null, response: null, messages };
    const [socket] = archive({ exchange: exchangeOf({ upgrade: 'websocket', status: 101 }), bodies }).log
      .entries;
    expect(socket).toMatchObject({
      _resourceType: 'websocket',
      _webSocketMessages: [
        { type: 'send', time: 1_893_456_001.5, opcode: 1, data: 'hi' },
        { type: 'receive', time: 1_893_456_001.5, opcode: 2, data: 'AP8=' },
      ],
    });
    const [call] = archive({ exchange: exchangeOf(), bodies }).log.entries;
    expect(call).toMatchObject({ _messages: messages });
  });

  it('leaves out half a character at the end of a body that was cut', () => {
    const body = bodyOf(Buffer.from('grün').subarray(0, 3), { isTruncated: true, bytes: 5 });
    const [entry] = archive(withBodies(body, body)).log.entries;
    expect(entry?.response.content).toMatchObject({ text: 'gr', size: 5 });
    expect(entry?.request.postData?.comment).toBe('longer than what was captured');
  });

  it('does not expand a small body without a limit', () => {
    const bomb = bodyOf(gzipSync(Buffer.alloc(17 * 1024 * 1024)), { contentEncoding: 'gzip' });
    const [entry] = archive(withBodies(null, bomb)).log.entries;
    expect(entry?.response.content.encoding).toBe('base64');
  });
});

describe(HarRecording.name, () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('writes the file at the end, as a whole, and keeps the newest exchanges', () => {
    const path = join(folder, 'traffic.har');
    const recording = new HarRecording(path, ORIGIN);
    for (let i = 0; i < 10_005; i++) recording.add(exchangeOf({ id: `exchange-${i}` }));
    recording.addBodies({ id: 'exchange-10004', request: null, response: bodyOf(Buffer.from('hi')) });
    recording.addBodies({ id: 'exchange-0', request: null, response: null });
    expect(readdirSync(folder)).not.toContain('traffic.har');
    recording.finish();
    expect(readdirSync(folder)).toEqual(['traffic.har']);
    const { log } = JSON.parse(readFileSync(path, 'utf8')) as {
      log: { entries: unknown[]; comment: string };
    };
    expect([log.entries.length, log.comment]).toEqual([10_000, '5 older exchanges are left out.']);
    expect(log.entries.at(-1)).toMatchObject({ response: { content: { text: 'hi' } } });
    expect(recording.omitted).toBe(5);
  });

  it('counts compressed bodies by what they expand to, so that visitors cannot make it too large to write', () => {
    const recording = new HarRecording(join(folder, 'traffic.har'), ORIGIN);
    const bytes = gzipSync(Buffer.alloc(16 * 1024 * 1024, 'a'));
    for (let i = 0; i < 10; i++) {
      const id = `exchange-${i}`;
      recording.add(exchangeOf({ id }));
      recording.addBodies({ id, request: null, response: bodyOf(bytes, { contentEncoding: 'gzip' }) });
    }
    expect([recording.size, recording.omitted]).toEqual([8, 2]);
    recording.abandon();
  });

  it('leaves nothing when it cannot be written, and reports why', () => {
    const path = join(folder, 'traffic.har');
    const recording = new HarRecording(path, ORIGIN);
    recording.add(exchangeOf());
    mkdirSync(path);
    expect(() => recording.finish()).toThrow(/EISDIR|directory/);
    expect(readdirSync(folder)).toEqual(['traffic.har']);
  });

  it('leaves nothing when it is abandoned, and reports a folder that does not exist', () => {
    new HarRecording(join(folder, 'traffic.har'), ORIGIN).abandon();
    expect(readdirSync(folder)).toEqual([]);
    expect(() => new HarRecording(join(folder, 'no', 'traffic.har'), ORIGIN)).toThrow('cannot be written');
  });
});
