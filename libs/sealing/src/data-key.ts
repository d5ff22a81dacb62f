import { openWith, sealWith } from './envelope.js';

/** A key that seals the data of one owner, such as a preview. Without its wrapped form, that data is lost. */
export class DataKey {
  constructor(private readonly key: Buffer) {}

  /**
   * Returns `plain` sealed.
   * @param place names where it is stored, such as table, team and ID, so that it cannot be moved elsewhere
   */
  seal(plain: Uint8Array, place: readonly string[]): Buffer {
    return sealWith(this.key, plain, place);
  }

  /** Returns what was sealed at `place`. @throws SealBrokenError */
  open(sealed: Uint8Array, place: readonly string[]): Buffer {
    return openWith(this.key, sealed, place);
  }
}
