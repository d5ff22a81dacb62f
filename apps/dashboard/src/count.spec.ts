import { describe, expect, it } from 'vitest';
import { count } from './count.js';

describe(count.name, () => {
  it('uses the form of the noun that goes with the number', () => {
    const forms = { one: 'preview', other: 'previews' };
    expect([0, 1, 2, 1200].map((amount) => count(amount, forms))).toEqual([
      '0 previews',
      '1 preview',
      '2 previews',
      '1,200 previews',
    ]);
  });
});
