import { describe, expect, it } from 'vitest';
import { HttpSyntaxError } from './errors.js';
import { HeadReader } from './head-reader.js';
import { DEFAULT_HEAD_LIMITS } from './limits.js';
import { parseRequestHead } from './request-head.js';
import { parseResponseHead } from './response-head.js';
import { describeResponse } from './spec/properties.js';
import { TABLE_LIMITS } from './spec/refusals.js';

const LIMITS = DEFAULT_HEAD_LIMITS;
const GET = 'GET /a?b HTTP/1.1\r\nHost: a.example\r\nX: \t y\r\n\r\n';

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof HttpSyntaxError) return error.code;
    throw error;
  }
  return 'none';
}

describe('HeadReader', () => {
  it('delimits a head within one chunk without copying it', () => {
    const reader = new HeadReader(LIMITS);
    const chunk = Buffer.from(`before${GET}after`);
    expect(reader.push(chunk, 6)).toBe(6 + GET.length);
    expect(reader.buffer).toBe(chunk);
    expect([reader.start, reader.end]).toEqual([6, 6 + GET.length]);
  });

  it.each([
    ['a request', GET],
    ['a request after an empty line', `\r\n${GET}`],
    ['a request without fields but Host', 'GET / HTTP/1.0\r\nHost:a\r\n\r\n'],
    ['an upgrade', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
  ])('reads %s the same however it is split in three', (_what, text) => {
    const bytes = Buffer.from(text, 'latin1');
    const whole = new HeadReader(LIMITS);
    expect(whole.push(bytes, 0)).toBe(bytes.length);
    const expected = parseRequestHead(whole.buffer, whole.start, whole.end, LIMITS);
    const reader = new HeadReader(LIMITS);
    for (let first = 0; first < bytes.length; first++) {
      for (let second = first; second < bytes.length; second++) {
        expect(reader.push(bytes.subarray(0, first), 0)).toBe(-1);
        expect(reader.push(bytes.subarray(first, second), 0)).toBe(-1);
        const last = Buffer.concat([bytes.subarray(second), Buffer.from('next')]);
        expect(reader.push(last, 0)).toBe(bytes.length - second);
        expect(parseRequestHead(reader.buffer, reader.start, reader.end, LIMITS)).toEqual(expected);
      }
    }
  });

  it('reads a response the same however it is split in two', () => {
    const bytes = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: x\r\n\r\nhello');
    const end = bytes.length - 5;
    const expected = describeResponse(parseResponseHead(bytes, 0, end, LIMITS, 'GET'));
    for (let cut = 0; cut < end; cut++) {
      const reader = new HeadReader(LIMITS, 'response');
      expect(reader.push(bytes.subarray(0, cut), 0)).toBe(-1);
      expect(reader.push(bytes, cut)).toBe(end);
      const head = parseResponseHead(reader.buffer, reader.start, reader.end, LIMITS, 'GET');
      expect(describeResponse(head)).toEqual(expected);
    }
  });

  it('reads pipelined heads from one chunk, one after the other', () => {
    const reader = new HeadReader(LIMITS);
    const chunk = Buffer.from(GET + GET + GET.slice(0, 9));
    expect(reader.push(chunk, 0)).toBe(GET.length);
    expect(reader.push(chunk, GET.length)).toBe(2 * GET.length);
    expect(reader.push(chunk, 2 * GET.length)).toBe(-1);
    expect(reader.isPartial).toBe(true);
    expect(reader.push(Buffer.from(GET.slice(9)), 0)).toBe(GET.length - 9);
  });

  it('is partial from the first byte of a head to its last', () => {
    const reader = new HeadReader(LIMITS);
    const states: boolean[] = [];
    for (const byte of Buffer.from('\r\nGET / HTTP/1.1\r\n\r\n')) {
      reader.push(Buffer.of(byte), 0);
      states.push(reader.isPartial);
    }
    expect(states.slice(0, 2)).toEqual([false, false]);
    expect(states.slice(2, -1).every(Boolean)).toBe(true);
    expect(states.at(-1)).toBe(false);
  });

  it('accepts one empty line before a request, and another before the next', () => {
    const reader = new HeadReader(LIMITS);
    expect(reader.push(Buffer.from(`\r\n${GET}`), 0)).toBe(GET.length + 2);
    expect(reader.push(Buffer.from('\r'), 0)).toBe(-1);
    expect(reader.push(Buffer.from(`\n${GET}`), 0)).toBe(GET.length + 1);
    expect(reader.push(Buffer.from('\r\n'), 0)).toBe(-1);
    expect(codeOf(() => reader.push(Buffer.from('\r'), 0))).toBe('BAD_START_LINE');
  });

  it('accepts no empty line before a response', () => {
    expect(codeOf(() => new HeadReader(LIMITS, 'response').push(Buffer.from('\r'), 0))).toBe(
      'BAD_START_LINE',
    );
  });

  it.each([
    ['BARE_LF', 'GET /', '\n'],
    ['BAD_START_LINE', 'GET /\r', '\n'],
    ['CONTROL_CHARACTER', 'GET /', '\0'],
    ['CONTROL_CHARACTER', '', '\x16'],
    ['BAD_START_LINE', '', ' '],
    ['OBS_FOLD', 'GET / HTTP/1.1\r\nHost: a\r\n', ' '],
    ['BARE_CR', 'GET / HTTP/1.1\r\nHost: a\r', 'b'],
    ['BARE_CR', 'GET / HTTP/1.1\r\nHost: a\r\n\r', '\r'],
    ['START_LINE_TOO_LONG', `GET /${'a'.repeat(64 + 42 + 2 - 5)}`, 'a'],
    ['HEAD_TOO_LARGE', `GET / HTTP/1.1\r\nHost: ${'a'.repeat(490)}`, 'a'],
  ])('reports %s at the first byte that proves it', (code, before, byte) => {
    const reader = new HeadReader(TABLE_LIMITS);
    expect(reader.push(Buffer.from(before), 0)).toBe(-1);
    expect(codeOf(() => reader.push(Buffer.from(byte), 0))).toBe(code);
  });

  it('does not store more than the limit of a head', () => {
    const reader = new HeadReader(TABLE_LIMITS);
    const line = Buffer.from('X: y\r\n');
    reader.push(Buffer.from('GET / HTTP/1.1\r\n'), 0);
    const code = codeOf(() => {
      for (let i = 0; i < 1000; i++) reader.push(line, 0);
    });
    expect(code).toBe('HEAD_TOO_LARGE');
    expect(reader.buffer.length).toBeLessThanOrEqual(2 * TABLE_LIMITS.maxHeadBytes);
    const flood = new HeadReader(TABLE_LIMITS);
    flood.push(Buffer.from('GET / HTTP/1.1\r\n'), 0);
    expect(codeOf(() => flood.push(Buffer.alloc(1 << 20, 'a'), 0))).toBe('HEAD_TOO_LARGE');
    expect(flood.buffer.length).toBeLessThanOrEqual(2 * TABLE_LIMITS.maxHeadBytes);
  });

  it('copies pieces, so that it does not retain their chunks', () => {
    const reader = new HeadReader(LIMITS);
    const chunk = Buffer.from(GET.slice(0, 20));
    reader.push(chunk, 0);
    chunk.fill(0);
    reader.push(Buffer.from(GET.slice(20)), 0);
    expect(reader.buffer.toString('latin1', reader.start, reader.end)).toBe(GET);
  });

  it('asserts that its limits fit the index of a head', () => {
    expect(() => new HeadReader({ ...LIMITS, maxHeadBytes: 1024 * 1024 + 1 })).toThrow(
      expect.objectContaining({ code: 'ERR_ASSERTION' }),
    );
  });

  it('starts again after reset', () => {
    const reader = new HeadReader(LIMITS);
    reader.push(Buffer.from('\r\nPOST'), 0);
    reader.reset();
    expect(reader.isPartial).toBe(false);
    expect(reader.buffer.length).toBe(0);
    expect(reader.push(Buffer.from(`\r\n${GET}`), 0)).toBe(GET.length + 2);
    expect(parseRequestHead(reader.buffer, reader.start, reader.end, LIMITS).method).toBe('GET');
  });
});
