/** Recognizes repeated field blocks, so that they need not be decoded again: peers repeat their heads. */
import type { HpackDecoder } from '../hpack/decoder.js';
import { MAX_KNOWN_BLOCK_BYTES, MAX_KNOWN_BLOCKS } from './limits.js';

export class KnownBlocks<T> {
  private readonly known = new Map<string, T>();
  private generation = 0;
  private key = '';

  constructor(private readonly decoder: HpackDecoder) {}

  /** Returns the remembered value of an equal block, provided that it still decodes to the same fields. */
  find(block: Buffer, from: number, to: number): T | undefined {
    const { decoder, known } = this;
    if (this.generation !== decoder.generation) {
      this.generation = decoder.generation;
      known.clear();
    }
    this.key = '';
    if (to - from > MAX_KNOWN_BLOCK_BYTES) return undefined;
    this.key = block.toString('latin1', from, to);
    return known.get(this.key);
  }

  /** Whether the block of the last lookup, decoded since, may be remembered. */
  get isRepeatable(): boolean {
    return this.key !== '' && this.decoder.generation === this.generation;
  }

  /** Remembers the value of the block of the last lookup. Only while `isRepeatable`. */
  remember(value: T): void {
    if (this.known.size === MAX_KNOWN_BLOCKS) this.known.clear();
    this.known.set(this.key, value);
  }

  clear(): void {
    this.known.clear();
  }
}
