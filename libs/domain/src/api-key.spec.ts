import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { apiKeyHint, generateApiKeySecret, hashApiKeySecret, isApiKeyUsable } from './api-key.js';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

describe('an API key secret', () => {
  it('has a prefix, 32 random characters and 6 of checksum', () => {
    for (let n = 0; n < 200; n++) expect(generateApiKeySecret()).toMatch(/^cvt_[0-9A-Za-z]{38}$/);
  });

  it('ends with the CRC-32 of its random part, base 62', () => {
    const secret = generateApiKeySecret();
    const [random, checksum] = [secret.slice(4, 36), secret.slice(36)];
    let value = 0;
    for (const character of checksum) value = value * 62 + BASE62.indexOf(character);
    expect(value).toBe(crc32(random));
  });

  it('differs each time and prefers no character', () => {
    const secrets = Array.from({ length: 2000 }, generateApiKeySecret);
    expect(new Set(secrets).size).toBe(secrets.length);
    const counts = new Map<string, number>();
    for (const secret of secrets) {
      for (const character of secret.slice(4, 36)) counts.set(character, (counts.get(character) ?? 0) + 1);
    }
    // 64,000 characters, 1,032 of each expected, standard deviation 32. A byte modulo 62 without rejection gives
    // some of them 1,250.
    const isUneven = (character: string) => Math.abs((counts.get(character) ?? 0) - 1032) > 6 * 32;
    expect(Array.from(BASE62).filter(isUneven)).toEqual([]);
  });
});

describe('hashApiKeySecret', () => {
  it('is SHA-256 in lower-case hex', () => {
    // FIPS 180-2, appendix B.1
    expect(hashApiKeySecret('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});

describe('apiKeyHint', () => {
  it('shows the first 8 characters of a generated secret', () => {
    const secret = generateApiKeySecret();
    expect(apiKeyHint(secret)).toBe(secret.slice(0, 8));
  });

  it('never shows more than a third', () => {
    for (let length = 0; length <= 60; length++) {
      const secret = 's'.repeat(length);
      const hint = apiKeyHint(secret);
      expect(secret.startsWith(hint)).toBe(true);
      expect(hint.length * 3).toBeLessThanOrEqual(length);
    }
  });
});

describe('isApiKeyUsable', () => {
  const now = new Date('2026-06-01T12:00:00Z');
  const later = new Date(now.getTime() + 1);

  it.each([
    ['without an end', { expiresAt: null, revokedAt: null }, true],
    ['before it expires', { expiresAt: later, revokedAt: null }, true],
    ['at the instant it expires', { expiresAt: now, revokedAt: null }, false],
    ['once revoked', { expiresAt: later, revokedAt: now }, false],
    ['once revoked, whatever the date says', { expiresAt: null, revokedAt: later }, false],
  ])('%s', (_when, key, usable) => {
    expect(isApiKeyUsable(key, now)).toBe(usable);
  });
});
