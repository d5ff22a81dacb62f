import { describe, expect, it } from 'vitest';
import {
  generateOAuthSecret,
  hashOAuthSecret,
  judgeRefreshToken,
  SUPERSEDED_TOKEN_GRACE_MS,
} from './program.js';

describe('codes and tokens', () => {
  it('show their kind, and contain 256 random bits', () => {
    expect(generateOAuthSecret('code')).toMatch(/^cvtc_[\w-]{43}$/);
    expect(generateOAuthSecret('access')).toMatch(/^cvta_[\w-]{43}$/);
    expect(generateOAuthSecret('refresh')).toMatch(/^cvtr_[\w-]{43}$/);
    expect(new Set(Array.from({ length: 100 }, () => generateOAuthSecret('access'))).size).toBe(100);
  });

  it('are stored as their SHA-256', () => {
    expect(hashOAuthSecret('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});

describe('a refresh token', () => {
  const now = new Date('2026-01-01T00:00:00Z');
  const at = (ms: number) => new Date(now.getTime() + ms);

  it.each([
    ['is usable until it expires', { expiresAt: at(1), supersededAt: null }, 'usable'],
    ['expires', { expiresAt: at(0), supersededAt: null }, 'expired'],
    [
      'is usable for a while beside one created from it',
      { expiresAt: at(1), supersededAt: at(-SUPERSEDED_TOKEN_GRACE_MS) },
      'usable',
    ],
    [
      'is a copy if it comes later than that',
      { expiresAt: at(1), supersededAt: at(-SUPERSEDED_TOKEN_GRACE_MS - 1) },
      'reused',
    ],
  ])('%s', (_name, token, verdict) => {
    expect(judgeRefreshToken(token, now)).toBe(verdict);
  });
});
