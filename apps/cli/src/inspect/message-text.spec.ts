import type { ExchangeMessage } from '@culvert/contract';
import { describe, expect, it } from 'vitest';
import { messageLines } from './message-text.js';

const message: ExchangeMessage = {
  exchangeId: 'exchange-1',
  seq: 3,
  at: '2030-01-01T12:00:00.000Z',
  direction: 'request',
  kind: 'text',
  bytes: 12,
  isCompressed: false,
  code: null,
  text: '{"price":17}',
  base64: null,
  isTruncated: false,
};

describe(messageLines.name, () => {
  it.each([
    [{}, /^\d\d:00:00 {2}> {2}text {4} {2}12 B {2}\{"price":17\} {2}exchange-1$/],
    [
      { direction: 'response', kind: 'close', code: 1001, text: 'away' },
      / {2}< {2}close {3}.* 1001 {2}away {2}/,
    ],
    [{ kind: 'binary', text: null, base64: 'AP8=' }, / {2}binary .* {2}00ff {2}/],
    [{ text: null, isCompressed: true, isTruncated: true }, / {2}\(cannot be decompressed\) {2}/],
    [{ text: 'a\nb' }, / {2}a b {2}exchange-1$/],
  ] as const)('is one line: %j', (change, line) => {
    const lines = messageLines({ ...message, ...change }, { isVerbose: false });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(line);
  });

  it('has long content below the line if it is verbose, and cuts it', () => {
    const text = 'a'.repeat(5000);
    expect(messageLines({ ...message, text }, { isVerbose: true }).slice(1)).toEqual([
      `  | ${'a'.repeat(4096)}`,
      '  | …',
    ]);
    expect(messageLines({ ...message, text: 'a\nb' }, { isVerbose: true }).slice(1)).toEqual([
      '  | a',
      '  | b',
    ]);
  });
});
