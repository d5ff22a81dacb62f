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

  it('compares values without wildcards with claims of any length', () => {
    const long = 'a'.repeat(5000);
    expect([matchesClaim(long, long), matchesClaim(long, `${long}b`)]).toEqual([true, false]);
  });

  it('matches no claim of more than 1024 characters with a wildcard', () => {
    expect(matchesClaim('**', 'a'.repeat(1024))).toBe(true);
    expect(matchesClaim('**', 'a'.repeat(1025))).toBe(false);
  });

  it.each(['*', '**'])('needs little time for a rule that consists of %s', (wildcard) => {
    // As many as a rule can have.
    const pattern = `${`${wildcard}a`.repeat(100 / wildcard.length)}b`;
    const start = performance.now();
    expect(matchesClaim(pattern, 'a'.repeat(1024))).toBe(false);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});
