import { describe, expect, it } from 'vitest';
import { count, formatBytes, formatMilliseconds } from './format.js';

describe('format', () => {
  it('formats amounts of bytes', () => {
    expect([0, 999, 1000, 1536, 10_000, 5e9, 2e18].map(formatBytes)).toEqual([
      '0 B',
      '999 B',
      '1.0 kB',
      '1.5 kB',
      '10 kB',
      '5.0 GB',
      '2000 PB',
    ]);
  });

  it('formats durations', () => {
    expect([0.44, 12.3, 999.4, 1234].map(formatMilliseconds)).toEqual(['0.4 ms', '12 ms', '999 ms', '1.2 s']);
  });

  it('counts one thing and several', () => {
    expect([count(0, 'preview'), count(1, 'preview'), count(1200, 'preview')]).toEqual([
      '0 previews',
      '1 preview',
      '1,200 previews',
    ]);
  });
});
