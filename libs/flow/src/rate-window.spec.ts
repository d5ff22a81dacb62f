import { describe, expect, it } from 'vitest';
import { RateWindow } from './rate-window.js';

describe('RateWindow', () => {
  it('refuses events above the limit of a window, and starts counting again when it is over', () => {
    const rate = new RateWindow(2, 1000);
    expect([5000, 5400, 5400, 5999].map((now) => rate.exceeds(now))).toEqual([false, false, true, true]);
    expect([6000, 6001, 6002].map((now) => rate.exceeds(now))).toEqual([false, false, true]);
  });

  it('begins a window with the first event, not at a fixed time', () => {
    const rate = new RateWindow(1, 1000);
    expect([100, 1050, 1100, 2099].map((now) => rate.exceeds(now))).toEqual([false, true, false, true]);
  });

  it('refuses every event when the limit is 0', () => {
    expect(new RateWindow(0, 1000).exceeds(0)).toBe(true);
  });

  it('does not count events that were forgiven, until the window is over', () => {
    const rate = new RateWindow(1, 1000);
    rate.exceeds(0);
    rate.forgive(2);
    expect([1, 2, 3].map((now) => rate.exceeds(now))).toEqual([false, false, true]);
    expect([1000, 1001].map((now) => rate.exceeds(now))).toEqual([false, true]);
  });
});
