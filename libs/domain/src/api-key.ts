import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Scope } from '@culvert/terms';
import { SECRET_PREFIXES } from './secret-prefixes.js';

/** A team's credential for machines. The secret itself is shown once and never stored. */
export interface ApiKey {
  readonly id: string;
  readonly teamId: string;
  readonly name: string;
  /** The first characters of the secret, to recognise it by. */
  readonly hint: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
  /** Address of the last use, or null. */
  readonly lastUsedAddress: string | null;
  /**
   * The person whose power this key has: who made it, or made the key that made it. Null for keys that the operator
   * made. It goes when that person leaves the team.
   */
  readonly createdByUserId: string | null;
  /** The key that made it, or null. */
  readonly createdByApiKeyId: string | null;
  /** The key that it takes the place of, or null. A key is replaced at most once. */
  readonly replacesId: string | null;
  readonly createdAt: Date;
}

export interface ApiKeyDraft {
  readonly name: string;
  readonly hint: string;
  /** SHA-256 of the secret, lower-case hex. */
  readonly hash: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: Date | null;
  readonly createdByUserId?: string | null;
  readonly createdByApiKeyId?: string | null;
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_LENGTH = 32;
const CHECKSUM_LENGTH = 6;
const HINT_LENGTH = 8;

/**
 * A new secret: `cvt_`, 32 random base62 characters (190 bits) and a base62 CRC-32 of them, so that secret
 * scanners recognise it without asking us.
 */
export function generateApiKeySecret(): string {
  let random = '';
  while (random.length < RANDOM_LENGTH) {
    // 248 is the largest multiple of 62 in a byte: higher values would favour some characters.
    for (const byte of randomBytes(RANDOM_LENGTH)) {
      if (byte < 248 && random.length < RANDOM_LENGTH) random += ALPHABET[byte % 62];
    }
  }
  return SECRET_PREFIXES.apiKey + random + checksum(random);
}

/** The form of generated secrets; `docs/security.md` gives it to secret scanners. */
const GENERATED = /^cvt_([0-9A-Za-z]{32})([0-9A-Za-z]{6})$/;

/**
 * False for text that has the form of a generated secret and a wrong checksum: no key, which need not be looked up.
 * Keys that an operator chose have any other form.
 */
export function isPossibleApiKeySecret(secret: string): boolean {
  const match = GENERATED.exec(secret);
  return match === null || checksum(match[1]) === match[2];
}

/** What the store keeps of a secret. A fast hash is right: the input has 190 random bits. */
export function hashApiKeySecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** The part of a secret that may be shown again. */
export function apiKeyHint(secret: string): string {
  return secret.slice(0, Math.min(HINT_LENGTH, Math.floor(secret.length / 3)));
}

/** Whether a key may be used at `now`. */
export function isApiKeyUsable(key: Pick<ApiKey, 'expiresAt' | 'revokedAt'>, now: Date): boolean {
  return key.revokedAt === null && (key.expiresAt === null || key.expiresAt > now);
}

function checksum(text: string): string {
  let value = crc32(text);
  let encoded = '';
  while (encoded.length < CHECKSUM_LENGTH) {
    encoded = ALPHABET[value % 62] + encoded;
    value = Math.floor(value / 62);
  }
  return encoded;
}
