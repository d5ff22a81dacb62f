import { describe, expect, it } from 'vitest';
import { ReceiveWindow } from './receive-window.js';

/** Round trips, in milliseconds, that any window is consumed within, or none. */
const FOREVER = Infinity;
const NO_TIME = -1;

describe('ReceiveWindow', () => {
  it('detects bytes that the far end had no credit for', () => {
    const window = new ReceiveWindow(100);
    expect(window.receive(100)).toBe(true);
    expect(window.receive(0)).toBe(true);
    expect(window.receive(1)).toBe(false);
  });

  it('grants what was consumed, once it is half of the window', () => {
    const window = new ReceiveWindow(100);
    window.receive(100);
    expect(window.consume(49)).toBe(false);
    expect(window.consume(1)).toBe(true);
    expect(window.grant(0)).toBe(50);
    expect(window.consume(49)).toBe(false);
    expect(window.receive(50)).toBe(true);
    expect(window.receive(1)).toBe(false);
  });

  it('does not grant bytes whose consumption was taken back', () => {
    const window = new ReceiveWindow(100);
    expect(window.consume(80)).toBe(true);
    expect(window.consume(-40)).toBe(false);
    expect(window.consume(40)).toBe(true);
    expect(window.grant(0)).toBe(80);
  });

  it('lets the far end send more by as much as the window has grown', () => {
    const window = new ReceiveWindow(100);
    window.receive(60);
    window.consume(60);
    expect(window.grant(25)).toBe(85);
    window.widen(75);
    expect(window.size).toBe(200);
    expect(window.receive(200)).toBe(true);
    expect(window.receive(1)).toBe(false);
  });

  it('asks to double each time it is consumed within two round trips, up to its limit', () => {
    const window = new ReceiveWindow(100);
    const sizes: number[] = [];
    for (let i = 0; i < 12; i++) {
      const half = window.size / 2;
      window.receive(half);
      expect(window.consume(half)).toBe(true);
      window.grant(window.wantedGrowth(500, FOREVER));
      sizes.push(window.size);
    }
    expect(sizes).toEqual([100, 200, 200, 400, 400, 500, 500, 500, 500, 500, 500, 500]);
  });

  it('does not ask to grow when its consumer takes longer than two round trips', () => {
    const window = new ReceiveWindow(100);
    for (let i = 0; i < 10; i++) {
      window.receive(50);
      window.consume(50);
      expect(window.wantedGrowth(500, NO_TIME)).toBe(0);
      window.grant(0);
    }
  });

  it('grows by what it was lent, which may be less than it asked for', () => {
    const window = new ReceiveWindow(100);
    window.consume(100);
    expect(window.wantedGrowth(500, FOREVER)).toBe(100);
    expect(window.grant(10)).toBe(110);
    expect(window.size).toBe(110);
  });

  it('returns what it was lent only once', () => {
    const window = new ReceiveWindow(100);
    window.widen(30);
    window.grant(20);
    expect(window.shrink()).toBe(50);
    expect(window.shrink()).toBe(0);
    expect(window.size).toBe(100);
  });
});
