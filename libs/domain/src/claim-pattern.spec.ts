import { describe, expect, it } from 'vitest';
import { matchesClaim } from './claim-pattern.js';

describe('matchesClaim', () => {
  it.each([
    ['acme/shop', 'acme/shop'],
    ['acme/*', 'acme/shop'],
    ['acme/*', 'acme/'],
    ['*/shop', 'acme/shop'],
    ['acme/sh*p', 'acme/shop'],
    ['acme/**', 'acme/group/shop'],
    ['**', ''],
    ['repo:acme/shop:**', 'repo:acme/shop:ref:refs/heads/main'],
    ['refs/heads/release/*', 'refs/heads/release/2.1'],
    ['a.c', 'a.c'],
    ['***', 'a/b'],
  ])('lets %s match %s', (pattern, claim) => {
    expect(matchesClaim(pattern, claim)).toBe(true);
  });

  it.each([
    ['acme/shop', 'Acme/Shop'],
    ['acme/shop', 'acme/shop2'],
    ['acme/shop', 'xacme/shop'],
    ['acme/*', 'acme/group/shop'],
    ['acme/*', 'acme-evil/shop'],
    ['*/shop', 'acme/group/shop'],
    ['repo:acme/*', 'repo:acme/shop:ref:refs/heads/main'],
    ['a.c', 'abc'],
    ['acme/shop', 'acme/shop\n'],
    ['', 'a'],
    ['a', ''],
  ])('does not let %s match %s', (pattern, claim) => {
    expect(matchesClaim(pattern, claim)).toBe(false);
  });

  it('needs little time for a pattern of many wildcards', () => {
    const start = performance.now();
    expect(matchesClaim(`${'*a'.repeat(256)}b`, 'a'.repeat(4096))).toBe(false);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
