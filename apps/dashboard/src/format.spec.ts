import { expect, it } from 'vitest';
import { count, formatBytes, formatMilliseconds } from './format.js';

it('says amounts of bytes as people do', () => {
  expect([0, 1023, 1024, 1536, 10 * 1024, 5 * 2 ** 30, 2 ** 60].map(formatBytes)).toEqual([
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 KiB',
    '10 KiB',
    '5.0 GiB',
    '1024 PiB',
  ]);
});

it('says times as people do', () => {
  expect([0.44, 12.3, 999.4, 1234].map(formatMilliseconds)).toEqual(['0.4 ms', '12 ms', '999 ms', '1.2 s']);
});

it('counts one thing and several', () => {
  expect([count(0, 'preview'), count(1, 'preview'), count(1200, 'preview')]).toEqual([
    '0 previews',
    '1 preview',
    '1,200 previews',
  ]);
});
