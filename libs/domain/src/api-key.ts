import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Scope } from '@culvert/terms';
import type { Actor } from './audit-event.js';
import { SECRET_PREFIXES } from './secret-prefixes.js';

/** A team's credential for machines. The secret itself is shown once and never stored. */
export interface ApiKey {
  readonly id: string;
  readonly teamId: string;
  readonly name: string;
  /** First characters of the secret, to recognize it by. */
  readonly hint: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
  /** Address of the last use, or null. */
  readonly lastUsedAddress: string | null;
  /**
   * Person whose permissions this key has: its creator, or the creator of the key that created it. Null for keys of the
   * operator. The key ends when that person leaves the team.
   */
  readonly createdByUserId: string | null;
  /** Key that created it, or null. */
  readonly createdByApiKeyId: string | null;
  /** Workload identity that issued it as a short-lived token; null for keys that people and keys create. */
  readonly workloadIdentityId: string | null;
  /** Key that it replaces, or null. A key is replaced at most once. */
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
  readonly workloadIdentityId?: string | null;
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_LENGTH = 32;
const CHECKSUM_LENGTH = 6;
const HINT_LENGTH = 8;

/**
 * Returns a new secret: `cvt_`, 32 random base62 characters (190 bits) and a base62 CRC-32 of them, so that secret
 * scanners recognize it without asking us.
 */
export function generateApiKeySecret(): string {
  let random = '';
  while (random.length < RANDOM_LENGTH) {
    // 248 is the largest multiple of 62 in a byte: higher values would make some characters more likely.
    for (const byte of randomBytes(RANDOM_LENGTH)) {
      if (byte < 248 && random.length < RANDOM_LENGTH) random += ALPHABET[byte % 62];
    }
  }
  return SECRET_PREFIXES.apiKey + random + checksum(random);
}

/** Form of generated secrets; `docs/security.md` publishes it for secret scanners. */
const GENERATED = /^cvt_([0-9A-Za-z]{32})([0-9A-Za-z]{6})$/;

/**
 * Returns false for text with the form of a generated secret but a wrong checksum: it cannot be a key, and needs no
 * look-up. Keys that an operator chose can have any other form.
 */
export function isPossibleApiKeySecret(secret: string): boolean {
  const match = GENERATED.exec(secret);
  return match === null || checksum(match[1]) === match[2];
}

/** Returns the hash of a secret, which the store keeps. A fast hash is enough: the input has 190 random bits. */
export function hashApiKeySecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Returns the part of a secret that can be shown again. */
export function apiKeyHint(secret: string): string {
  return secret.slice(0, Math.min(HINT_LENGTH, Math.floor(secret.length / 3)));
}

/** Returns the actor of what a caller with this key does: a token of a workload identity acts as the identity. */
export function actorOfKey(
  { id, workloadIdentityId }: Pick<ApiKey, 'id' | 'workloadIdentityId'>,
  address: string | null,
): Actor {
  return workloadIdentityId === null
    ? { kind: 'api-key', id, address }
    : { kind: 'workload-identity', id: workloadIdentityId, address };
}

/** Reports whether a key can be used at `now`. */
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
