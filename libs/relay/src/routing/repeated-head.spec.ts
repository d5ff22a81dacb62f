import { DEFAULT_HEAD_LIMITS, parseResponseHead, type ResponseHead } from '@culvert/http1';
import { beforeEach, describe, expect, it } from 'vitest';
import { RepeatedHead } from './repeated-head.js';

const NOW = 1000;

function bytes(date: string, extra = ''): Buffer {
  return Buffer.from(`HTTP/1.1 200 OK\r\nDate: ${date}\r\nContent-Length: 2\r\n${extra}\r\n`);
}

function parse(head: Buffer, method = 'GET'): ResponseHead {
  return parseResponseHead(head, 0, head.length, DEFAULT_HEAD_LIMITS, method);
}

describe('RepeatedHead', () => {
  let repeated: RepeatedHead<ResponseHead>;
  beforeEach(() => {
    repeated = new RepeatedHead<ResponseHead>();
  });

  /** Reads `head` as the relay does, at a quick pace unless `now` says otherwise. */
  function read(head: Buffer, { method = 'GET', now = NOW } = {}): ResponseHead {
    const parsed = parse(head, method);
    repeated.learn(parsed, head, { start: 0, end: head.length }, method, now);
    return parsed;
  }

  it('recognizes a head by its bytes, with a body behind it', () => {
    const head = bytes('noon');
    read(head);
    const learned = read(head);
    expect(repeated.find(Buffer.concat([head, Buffer.from('hi')]), 0, 'GET')).toBe(learned);
    expect(repeated.length).toBe(head.length);
  });

  it('finds the head anywhere in a chunk, but not once it is forgotten', () => {
    const head = bytes('noon');
    read(head);
    const learned = read(head);
    const chunk = Buffer.concat([Buffer.from('before'), head]);
    expect(repeated.find(chunk, 6, 'GET')).toBe(learned);
    expect(repeated.find(chunk, 5, 'GET')).toBeNull();
    repeated.forget();
    expect(repeated.find(chunk, 6, 'GET')).toBeNull();
  });

  it('does not match a head that differs in a byte, is shorter, or is longer', () => {
    const head = bytes('noon');
    read(head);
    read(head);
    for (let i = 0; i < head.length; i++) {
      const other = Buffer.from(head);
      other[i] ^= 1;
      expect(repeated.find(other, 0, 'GET'), `byte ${i}`).toBeNull();
    }
    expect(repeated.find(head.subarray(0, -1), 0, 'GET')).toBeNull();
    expect(repeated.find(bytes('noon', 'X: 1\r\n'), 0, 'GET')).toBeNull();
  });

  it('keeps responses to different methods apart: a response to HEAD has no body', () => {
    const head = bytes('noon');
    read(head);
    read(head);
    expect(repeated.find(head, 0, 'HEAD')).toBeNull();
  });

  it('learns only where heads come quickly', () => {
    const head = bytes('noon');
    read(head, { now: 0 });
    read(head, { now: 250 });
    expect(repeated.find(head, 0, 'GET')).toBeNull();
    read(head, { now: 250 });
    expect(repeated.find(head, 0, 'GET')).not.toBeNull();
  });

  it('does not keep a long head', () => {
    const head = bytes('noon', `X: ${'x'.repeat(4096)}\r\n`);
    read(head);
    read(head);
    expect(repeated.find(head, 0, 'GET')).toBeNull();
  });

  it('follows a head that changes, and gives up on one that always changes', () => {
    read(bytes('0'));
    read(bytes('1'));
    const learned = read(bytes('2'));
    expect(repeated.find(bytes('2'), 0, 'GET')).toBe(learned);
    for (let i = 3; i < 40; i++) read(bytes(String(i)));
    expect(repeated.find(bytes('39'), 0, 'GET')).toBeNull();
  });

  it('forgets the outgoing form of a head that was replaced', () => {
    read(bytes('0'));
    read(bytes('1'));
    repeated.outgoing = Buffer.from('old');
    read(bytes('2'));
    expect(repeated.outgoing).toBeNull();
  });
});
