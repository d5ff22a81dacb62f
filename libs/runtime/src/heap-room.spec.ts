import { describe, expect, it } from 'vitest';
import { growthPercent } from './heap-room.js';

const MIB = 2 ** 20;

describe('growthPercent', () => {
  it.each([
    [16, 800],
    [64, 200],
    [512, 25],
    [513, 0],
  ])('lets a heap of %d MiB grow by %d percent', (usedMiB, percent) => {
    expect(growthPercent(usedMiB * MIB, 128)).toBe(percent);
  });

  it('accepts an empty heap', () => {
    expect(growthPercent(0, 128)).toBe(12_800);
  });
});
