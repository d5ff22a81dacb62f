import { createHash, randomBytes } from 'node:crypto';

const SECRET_BYTES = 32;

/** Returns a new secret: 256 random bits in base64url after a prefix for its kind. */
export function generateSecret(prefix = ''): string {
  return prefix + randomBytes(SECRET_BYTES).toString('base64url');
}

/**
 * Returns the hash of a secret, which the store keeps: SHA-256, lower-case hex. A fast hash is enough for so many
 * random bits.
 */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

const GENERATED = /^[\w-]{43}$/;

/** Reports whether `text` has the form of what `generateSecret` returns for `prefix`. Other text needs no look-up. */
export function isSecretShaped(text: string, prefix = ''): boolean {
  return text.startsWith(prefix) && GENERATED.test(text.slice(prefix.length));
}
