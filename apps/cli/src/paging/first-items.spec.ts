import { describe, expect, it } from 'vitest';
import { firstItems, moreNote, readLimit } from './first-items.js';

/** A list of numbers, as a server pages it. */
function pagesOf(total: number) {
  const asked: number[] = [];
  const pageAt = async ({ limit, cursor }: { limit: number; cursor: string | undefined }) => {
    asked.push(limit);
    const begin = Number(cursor ?? 0);
    const end = Math.min(begin + limit, total);
    const items = Array.from({ length: end - begin }, (_, i) => begin + i);
    return { items, nextCursor: end < total ? String(end) : null };
  };
  return { asked, pageAt };
}

describe(firstItems.name, () => {
  it('requests only as many items as are wanted', async () => {
    const { asked, pageAt } = pagesOf(1000);
    const { items, hasMore } = await firstItems(250, pageAt);
    expect([items.length, items.at(-1), hasMore]).toEqual([250, 249, true]);
    expect(asked).toEqual([200, 50]);
  });

  it.each([
    [0, 10, false],
    [10, 10, false],
    [11, 10, true],
    [401, 500, false],
  ])('reports whether a list of %i has more than %i', async (total, limit, hasMore) => {
    const found = await firstItems(limit, pagesOf(total).pageAt);
    expect([found.items.length, found.hasMore]).toEqual([Math.min(total, limit), hasMore]);
  });

  it('cuts off a page that is longer than it was asked for', async () => {
    const found = await firstItems(2, async () => ({ items: [1, 2, 3], nextCursor: null }));
    expect(found.items).toEqual([1, 2]);
  });
});

describe(moreNote.name, () => {
  it.each([
    [50, 'There are more. Show them with --limit 500.'],
    [20_000, 'There are more. Show them with --limit 100000.'],
    [100_000, 'There are more than --limit can show.'],
  ])('suggests only a limit that is accepted, after %i', (limit, note) => {
    expect(moreNote(limit)).toBe(note);
  });
});

describe(readLimit.name, () => {
  it.each(['0', '-1', '1.5', '1000000', '', 'x'])('refuses %j', (text) => {
    expect(() => readLimit(text)).toThrow('Use a number from 1 to 100000.');
  });
});
