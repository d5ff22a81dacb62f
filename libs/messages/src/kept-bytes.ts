/** Memory that all observed exchanges of a process share. */
export interface MessageMemory {
  /** Reserves all of `bytes` or none. Returns whether it did. */
  reserve(bytes: number): boolean;
  release(bytes: number): void;
}

const FIRST_BYTES = 256;
const EMPTY = Buffer.alloc(0);

/**
 * The beginning of one message that arrives in pieces, in one buffer that grows: a message of one-byte pieces takes no more
 * memory than any other.
 */
export class KeptBytes {
  private buffer = EMPTY;
  private length = 0;
  /** Whether bytes were left out: those that follow must not take their place. */
  private isCut = false;

  constructor(private readonly memory: MessageMemory) {}

  /** Appends bytes up to `maxBytes` in all, and as long as there is memory. */
  add(source: Buffer, start: number, end: number, maxBytes: number): void {
    const wanted = Math.min(end - start, maxBytes - this.length);
    if (end === start || this.isCut) return;
    this.isCut = wanted < end - start;
    if (wanted <= 0) return;
    if (!this.makeRoom(this.length + wanted, maxBytes)) {
      this.isCut = true;
      return;
    }
    source.copy(this.buffer, this.length, start, start + wanted);
    this.length += wanted;
  }

  /** Bytes that were kept. Valid until the next call of `add` or `clear`. */
  get bytes(): Buffer {
    return this.buffer.subarray(0, this.length);
  }

  /** Forgets the message, and returns memory of a large one. */
  clear(): void {
    this.length = 0;
    this.isCut = false;
    if (this.buffer.length > FIRST_BYTES) this.free();
  }

  /** Returns all memory. */
  free(): void {
    this.memory.release(this.buffer.length);
    this.buffer = EMPTY;
    this.length = 0;
  }

  private makeRoom(length: number, maxBytes: number): boolean {
    if (length <= this.buffer.length) return true;
    const size = Math.min(maxBytes, Math.max(FIRST_BYTES, length, 2 * this.buffer.length));
    if (!this.memory.reserve(size)) return false;
    const grown = Buffer.allocUnsafeSlow(size);
    this.buffer.copy(grown, 0, 0, this.length);
    this.memory.release(this.buffer.length);
    this.buffer = grown;
    return true;
  }
}
