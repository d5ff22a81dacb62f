import type { ExchangeBodies } from '@culvert/contract';
import { expect, it } from 'vitest';
import { contentLines } from './kept.js';

const message = {
  exchangeId: 'exchange-1',
  at: '2030-01-01T12:00:00.000Z',
  kind: 'text',
  bytes: 5,
  code: null,
};
const body = { bytes: 4, isTruncated: false, contentType: 'text/plain', contentEncoding: null };

it('shows the body and then each message of a kept exchange', () => {
  const bodies = {
    id: 'exchange-1',
    request: { ...body, base64: 'Ym9keQ==' },
    response: null,
    messages: [
      { ...message, seq: 0, direction: 'request', text: 'hello' },
      { ...message, seq: 1, direction: 'response', text: 'world' },
    ],
  } as unknown as ExchangeBodies;
  expect(contentLines(bodies)).toEqual([
    expect.stringMatching(/body of the request, 4 B/),
    '  | body',
    expect.stringMatching(/^ {2}\d\d:00:00 {2}> {2}text .* hello {2}exchange-1$/),
    expect.stringMatching(/^ {2}\d\d:00:00 {2}< {2}text .* world {2}exchange-1$/),
  ]);
});
