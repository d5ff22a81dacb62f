import { createHash, randomBytes } from 'node:crypto';

const SECRET_BYTES = 32;

/** A new secret: 256 random bits, base64url, behind a prefix that says what it is. */
export function generateSecret(prefix = ''): string {
  return prefix + randomBytes(SECRET_BYTES).toString('base64url');
}

/** What the store keeps of a secret: SHA-256, lower-case hex. A fast hash is right for so many random bits. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

const GENERATED = /^[\w-]{43}$/;

/** Whether `text` has the shape of what `generateSecret` makes behind `prefix`. Anything else needs no look-up. */
export function isSecretShaped(text: string, prefix = ''): boolean {
  return text.startsWith(prefix) && GENERATED.test(text.slice(prefix.length));
}
