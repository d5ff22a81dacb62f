/** Tables of a hundred thousand rows are made in one call: Ctrl-C works only after it. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { tableLines } from './table.js';

afterEach(() => vi.restoreAllMocks());

describe(tableLines.name, () => {
  it('aligns columns by what a terminal shows', () => {
    expect(
      tableLines(
        ['A', 'B'],
        [
          ['日本', '1'],
          ['e\u0301', '2'],
          ['', '3'],
        ],
        80,
      ),
    ).toEqual(['A     B', '日本  1', 'e\u0301     2', '-     3']);
  });

  it('finds the characters of a cell once, and only where it is not plain ASCII', () => {
    const segment = vi.spyOn(Intl.Segmenter.prototype, 'segment');
    const rows = Array.from({ length: 1000 }, (_, i) => [`name-${i}`, i === 7 ? 'grün' : 'green']);
    expect(tableLines(['NAME', 'COLOR'], rows, 80)).toHaveLength(1001);
    expect(segment).toHaveBeenCalledTimes(1);
  });
});
