/**
 * Authenticated encryption of one piece of data: AES-256-GCM. Each piece has a key of its own, derived from the given
 * key and a random salt, so that one key can seal any number of pieces.
 *
 *     | version 1 | salt 16 | nonce 12 | ciphertext | tag 16 |
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { SealBrokenError } from './sealing-errors.js';

const CIPHER = 'aes-256-gcm';
const VERSION = 1;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + SALT_BYTES + NONCE_BYTES;
const INFO = 'culvert sealing 1';

/**
 * Returns `plain` sealed with `key`.
 * @param place names where the data is stored. It is not part of the result, and opening needs the same
 */
export function sealWith(key: Buffer, plain: Uint8Array, place: readonly string[]): Buffer {
  const salt = randomBytes(SALT_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, derive(key, salt), nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(encodePlace(place));
  const head = Buffer.concat([Buffer.of(VERSION), salt, nonce]);
  return Buffer.concat([head, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Returns what was sealed. @throws SealBrokenError if the data, the key or the place is another one */
export function openWith(key: Buffer, sealed: Uint8Array, place: readonly string[]): Buffer {
  if (sealed.length < HEAD_BYTES + TAG_BYTES || sealed[0] !== VERSION) throw new SealBrokenError();
  const salt = sealed.subarray(1, 1 + SALT_BYTES);
  const nonce = sealed.subarray(1 + SALT_BYTES, HEAD_BYTES);
  const decipher = createDecipheriv(CIPHER, derive(key, salt), nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(encodePlace(place));
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  try {
    const start = decipher.update(sealed.subarray(HEAD_BYTES, sealed.length - TAG_BYTES));
    return Buffer.concat([start, decipher.final()]);
  } catch (cause) {
    throw new SealBrokenError({ cause });
  }
}

function derive(key: Buffer, salt: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, INFO, key.length));
}

/** JSON separates the parts unambiguously. */
function encodePlace(place: readonly string[]): Buffer {
  return Buffer.from(JSON.stringify(place));
}
