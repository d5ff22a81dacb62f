import { describe, expect, it } from 'vitest';
import { LineBudget } from './line-budget.js';

describe(LineBudget.name, () => {
  it('allows a burst, then a number of lines a minute, and reports how many it omitted', () => {
    let now = 0;
    const omitted: number[] = [];
    const budget = new LineBudget({
      burst: 3,
      perMinute: 60,
      onOmitted: (count) => omitted.push(count),
      now: () => now,
    });
    const taken = (tries: number): number =>
      Array.from({ length: tries }, () => budget.consume()).filter(Boolean).length;
    expect(taken(10_000)).toBe(3);
    now += 2000;
    expect(taken(10)).toBe(2);
    budget.report();
    budget.report();
    expect(omitted).toEqual([9997 + 8]);
    now += 3_600_000;
    expect(taken(10)).toBe(3);
  });
});
