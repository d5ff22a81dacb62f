import { describe, expect, it } from 'vitest';
import { ReceiveBudget } from './receive-budget.js';

describe('ReceiveBudget', () => {
  it('shares at most half of the rest, and nothing when the rest is small', () => {
    const budget = new ReceiveBudget(100_000);
    expect(budget.share(1_000_000)).toBe(50_000);
    expect(budget.share(1_000_000)).toBe(25_000);
    expect(budget.share(10_000)).toBe(10_000);
    expect(budget.share(10_000)).toBe(7500);
    expect(budget.share(10_000)).toBe(0);
    budget.release(50_000);
    expect(budget.share(20_000)).toBe(20_000);
  });

  it('reserves everything down to the last byte', () => {
    const budget = new ReceiveBudget(100);
    expect(budget.reserve(70)).toBe(70);
    expect(budget.reserve(70)).toBe(30);
    expect(budget.reserve(1)).toBe(0);
    budget.release(10);
    expect(budget.reserve(70)).toBe(10);
  });

  it('gives nothing to a window that already exceeds its size', () => {
    const budget = new ReceiveBudget(100_000);
    expect(budget.share(-5000)).toBe(0);
    expect(budget.reserve(-5000)).toBe(0);
    expect(budget.reserve(1_000_000)).toBe(100_000);
  });
});
