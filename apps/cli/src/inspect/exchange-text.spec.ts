import { describe, expect, it } from 'vitest';
import type { CapturedBody, Exchange } from '@culvert/contract';
import { bodyLines, detailsOf, lineOf } from './exchange-text.js';

const exchange: Exchange = {
  id: 'exchange-1',
  state: 'ended',
  startedAt: '2030-01-01T12:00:00.000Z',
  method: 'POST',
  target: '/basket',
  httpVersion: '1.1',
  upgrade: null,
  visitor: { address: '203.0.113.7', kind: 'member', id: null },
  replayOf: null,
  request: { fields: [{ name: 'Host', value: 'k3v9', isMasked: false }], isTruncated: true },
  response: { fields: [{ name: 'content-type', value: 'text/plain', isMasked: false }], isTruncated: false },
  notes: [],
  changes: [{ message: 'request', name: 'host', value: 'localhost:3000', isMasked: false }],
  status: 201,
  error: null,
  timings: { gateMs: 1, waitMs: null, connectMs: null, firstByteMs: 30, bodyMs: 4 },
  bytesIn: 100,
  bytesOut: 1200,
};

describe('an exchange as text', () => {
  it.each([
    [{}, /^\d\d:00:00 {2}201 {2}POST {4}\/basket {2}35 ms {2}1\.2 kB {2}exchange-1$/],
    [{ status: null, error: 'cancelled' }, / {2}--- {2}POST .* {2}cancelled {2}exchange-1$/],
    [{ state: 'open', upgrade: 'websocket', status: 101 }, / {2}101 .* {2}websocket open {2}exchange-1$/],
    [
      { visitor: { ...exchange.visitor, kind: 'replay' }, replayOf: 'exchange-0' },
      /replay of exchange-0 {2}/,
    ],
    [{ target: `/${'a'.repeat(500)}` }, /\/a{118}… {2}/],
  ] as const)('is one line: %j', (change, line) => {
    expect(lineOf({ ...exchange, ...change })).toMatch(line);
  });

  it('has heads, changed fields and times below it', () => {
    expect(detailsOf(exchange)).toEqual([
      '  > POST /basket',
      '  > Host: k3v9',
      '  > …',
      '  < 201',
      '  < content-type: text/plain',
      '  ~ request host: localhost:3000',
      '  visitor member 203.0.113.7; gate 1.0 ms, firstByte 30 ms, body 4.0 ms',
    ]);
  });

  it('has bodies that are text, and cuts long ones', () => {
    const bodyOf = (text: string): CapturedBody => ({
      base64: Buffer.from(text, 'latin1').toString('base64'),
      bytes: text.length,
      isTruncated: false,
      contentType: null,
      contentEncoding: null,
    });
    const lines = bodyLines({ id: 'x', request: bodyOf('a\nb\n'), response: bodyOf('\xff\x00') });
    expect(lines).toEqual([
      '  body of the request, 4 B  x',
      '  | a',
      '  | b',
      '  body of the response, 2 B  x  not text',
    ]);
    expect(bodyLines({ id: 'x', request: bodyOf('a'.repeat(5000)), response: bodyOf('') })).toEqual([
      '  body of the request, 5.0 kB  x',
      `  | ${'a'.repeat(4096)}`,
      '  | …',
    ]);
  });
});
