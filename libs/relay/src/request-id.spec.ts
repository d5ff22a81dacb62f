import { DEFAULT_HEAD_LIMITS, parseRequestHead } from '@culvert/http1';
import { describe, expect, it } from 'vitest';
import {
  claimedRequestId,
  makeRequestId,
  requestIdLine,
  splitRequestId,
  withRequestId,
} from './request-id.js';

const HEX = /^[0-9a-f]{32}$/;
const OTHER = 'f'.repeat(32);

const claim = (...lines: string[]) => {
  const bytes = Buffer.from(['GET / HTTP/1.1', 'Host: a', ...lines, '', ''].join('\r\n'), 'latin1');
  return claimedRequestId(parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS));
};

describe('the id of a request', () => {
  it('is another one for each request, over many batches', () => {
    const ids = Array.from({ length: 2000 }, makeRequestId);
    expect(new Set(ids).size).toBe(2000);
    for (const id of ids) expect(id).toMatch(HEX);
  });

  it('is that of a trusted proxy, if it is safe in a log', () => {
    expect(claim('X-Request-Id: edge-7f.3:A+/=@_9')).toBe('edge-7f.3:A+/=@_9');
    for (const line of [
      'X-Request-Id: ',
      'X-Request-Id: two words',
      `X-Request-Id: ${'a'.repeat(129)}`,
      'X-Request-Id: "quoted"',
      'X-Request-Id: \x80',
    ])
      expect(claim(line)).toMatch(HEX);
    expect(claim()).toMatch(HEX);
  });

  it('is replaced in a copy of a head, and found again', () => {
    const id = makeRequestId();
    const head = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${requestIdLine(id)}\r\n`);
    const before = head.toString();
    const copy = withRequestId(head, OTHER);
    expect(copy.toString()).toBe(before.replace(id, OTHER));
    expect(head.toString()).toBe(before);
    const { end, requestId } = splitRequestId(copy);
    expect(requestId).toBe(OTHER);
    expect(copy.toString('latin1', 0, end)).toBe('GET / HTTP/1.1\r\nHost: a\r\n');
  });

  it('is not found in a head without one at its end', () => {
    for (const text of [
      'GET / HTTP/1.1\r\n\r\n',
      `GET / HTTP/1.1\r\n${requestIdLine(OTHER)}A: b\r\n\r\n`,
      '',
    ]) {
      const head = Buffer.from(text);
      expect(splitRequestId(head)).toEqual({ end: head.length, requestId: '' });
    }
  });
});
