import type { Exchange, ExchangeBodies, ExchangeMessage } from '@culvert/contract';
import { describe, expect, it } from 'vitest';
import { matchesSearch } from './exchange-filter.js';

const exchange = { method: 'GET', target: '/live', status: 101, request: { fields: [] }, response: null };

function bodiesWith(messages: readonly Partial<ExchangeMessage>[]): ExchangeBodies {
  return { id: 'x', request: null, response: null, messages } as unknown as ExchangeBodies;
}

describe(matchesSearch.name, () => {
  it.each([
    ['text of any message', [{ text: 'first' }, { text: '{"Price":17}' }], true],
    ['neither other text nor bytes', [{ text: 'other' }, { text: null, base64: 'cHJpY2U=' }], false],
    ['nothing without messages', [], false],
  ])('finds %s', (_what, messages, isFound) => {
    const found = matchesSearch(exchange as unknown as Exchange, bodiesWith(messages), { text: 'price' });
    expect(found).toBe(isFound);
  });
});
