import { describe, expect, it } from 'vitest';
import { closest } from './closest.js';

describe(closest.name, () => {
  const words = ['access', 'target', 'paths', 'endpoints', 'insufficient_scope'];

  it.each([
    ['acess', 'access'],
    ['Target', 'target'],
    ['endpoint', 'endpoints'],
    ['insuficient_scop', 'insufficient_scope'],
    ['foo', null],
    ['', null],
    ['x'.repeat(100_000), null],
  ])('takes %j for %j', (given, meant) => {
    expect(closest(given, words)).toBe(meant);
  });
});
