import { describe, expect, it } from 'vitest';
import { Backoff } from './backoff.js';

describe('Backoff', () => {
  it('doubles its ceiling from 100 ms to 5 s, until it is reset', () => {
    const backoff = new Backoff(() => 1);
    const delays = Array.from({ length: 8 }, () => backoff.next());
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    backoff.reset();
    expect(backoff.next()).toBe(100);
  });

  it('spreads its waits over everything below the ceiling', () => {
    expect(new Backoff(() => 0).next()).toBe(0);
    expect(new Backoff(() => 0.5).next()).toBe(50);
  });

  it('doubles its patience from 1 s to 5 min, until that is reset', () => {
    const backoff = new Backoff(() => 1);
    const delays = Array.from({ length: 11 }, () => backoff.patient() / 1000);
    expect(delays).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    backoff.reset();
    expect(backoff.patient()).toBe(300_000);
    backoff.resetPatience();
    expect(backoff.patient()).toBe(1000);
    expect(new Backoff(() => 0).patient()).toBe(0);
  });

  it('waits between 30 s and 60 s when asked to be slow', () => {
    expect(new Backoff(() => 0).slow()).toBe(30_000);
    expect(new Backoff(() => 1).slow()).toBe(60_000);
  });
});
