/**
 * The keys that protect secrets in the database. The first one seals, each of them opens, so that keys can be replaced
 * without downtime: add the new key behind the old one everywhere, then move it to the front, seal everything again,
 * and remove the old one.
 */
import { createHash, randomBytes } from 'node:crypto';
import { DataKey } from './data-key.js';
import { openWith, sealWith } from './envelope.js';
import { UnknownKeyError } from './sealing-errors.js';

/** Length of a key. */
export const KEY_BYTES = 32;
/** Maximum number of keys in a ring. */
export const MAX_KEYS = 16;

const KEY_TEXT = /^[A-Za-z0-9+/]{43}=$/;
const ID_CHARACTERS = 16;

/** A secret as it is stored. */
export interface SealedSecret {
  /** ID of the key of the ring that it is sealed with. */
  readonly keyId: string;
  readonly sealed: Uint8Array;
}

export class KeyRing {
  private readonly keys: ReadonlyMap<string, Buffer>;
  /** ID of the key that seals. It can be shown: it does not reveal the key. */
  readonly currentId: string;

  /** @param keys at least one key of 32 bytes; the first one seals */
  constructor(keys: readonly Buffer[]) {
    const [first] = keys;
    if (first === undefined || keys.some((key) => key.length !== KEY_BYTES))
      throw new RangeError(`a key ring needs keys of ${KEY_BYTES} bytes`);
    this.keys = new Map(keys.map((key) => [idOf(key), key]));
    this.currentId = idOf(first);
  }

  /** Returns the ring with the keys of a list: 32 bytes in base64 each. Null if an item is not a key. */
  static parse(texts: readonly string[]): KeyRing | null {
    if (texts.length === 0 || texts.length > MAX_KEYS) return null;
    if (!texts.every((text) => KEY_TEXT.test(text))) return null;
    return new KeyRing(texts.map((text) => Buffer.from(text, 'base64')));
  }

  /** Returns the text of a new random key. */
  static generate(): string {
    return randomBytes(KEY_BYTES).toString('base64');
  }

  /** Returns a new data key, and the same as it is stored at `place`. */
  createDataKey(place: readonly string[]): { readonly key: DataKey; readonly wrapped: SealedSecret } {
    const plain = randomBytes(KEY_BYTES);
    return { key: new DataKey(plain), wrapped: this.seal(plain, place) };
  }

  /** Returns a stored data key. @throws UnknownKeyError, SealBrokenError */
  unwrap(wrapped: SealedSecret, place: readonly string[]): DataKey {
    return new DataKey(this.open(wrapped, place));
  }

  /**
   * Returns a secret sealed with the current key.
   * @param place names where it is stored, such as table, team and column, so that it cannot be moved elsewhere
   */
  seal(plain: Uint8Array, place: readonly string[]): SealedSecret {
    const sealed = sealWith(this.keyOf(this.currentId), plain, place);
    return { keyId: this.currentId, sealed };
  }

  /** Returns the secret that was sealed at `place`. @throws UnknownKeyError, SealBrokenError */
  open({ keyId, sealed }: SealedSecret, place: readonly string[]): Buffer {
    return openWith(this.keyOf(keyId), sealed, place);
  }

  /** Returns the same secret, sealed with the current key. @throws UnknownKeyError, SealBrokenError */
  reseal(wrapped: SealedSecret, place: readonly string[]): SealedSecret {
    return this.seal(this.open(wrapped, place), place);
  }

  private keyOf(id: string): Buffer {
    const key = this.keys.get(id);
    if (key === undefined) throw new UnknownKeyError(id);
    return key;
  }
}

function idOf(key: Buffer): string {
  return createHash('sha256').update('culvert key id\0').update(key).digest('hex').slice(0, ID_CHARACTERS);
}
