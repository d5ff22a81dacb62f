import type { KeptExchange } from '@culvert/domain';
import type { ExchangeOwner, ExchangeReader } from '@culvert/exchanges';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KeptExchangeSearch } from './kept-exchange-search.js';

const OWNER: ExchangeOwner = { teamId: 't', previewId: 'p' };

describe(KeptExchangeSearch.name, () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => void vi.useRealTimers());

  /** Rows of which each takes a second to open. */
  const rows = Array.from({ length: 5 }, (_, i): KeptExchange => {
    const moment = new Date();
    return {
      id: `${i}`,
      startedAt: moment,
      keptAt: moment,
      expiresAt: moment,
      omitted: 0,
      keyId: 'k',
      sealed: null,
      sealedBodies: Buffer.from('x'),
      hasBodies: true,
      cursor: `after ${i}`,
    };
  });
  const reader = {
    open: () => {
      vi.advanceTimersByTime(1000);
      return { missingKeyId: 'k' };
    },
  } as unknown as ExchangeReader;

  it('ends a page when its time is over, within a step, and lets others have their turn', async () => {
    const search = new KeptExchangeSearch({ list: async () => rows }, reader, OWNER, { bodies: true });
    let turns = 0;
    const count = (): void => {
      turns++;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    const page = await search.page(50, undefined);
    clearImmediate(next);
    expect(page.items.map(({ id }) => id)).toEqual(['0', '1']);
    expect(page.nextCursor).toBe('after 1');
    expect(turns).toBeGreaterThan(0);
  });
});
