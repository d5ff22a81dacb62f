/**
 * Bytes that wait, first in, first out. `pushCompact` gathers small pieces in blocks of the queue's own: a slice
 * of ten bytes would otherwise keep the whole carrier message it was cut from.
 */
const BLOCK_BYTES = 8192;

/** Taken chunks that may stay in front of the array before it is cut. */
const MAX_TAKEN = 64;

const TAKEN = Buffer.alloc(0);

export class ChunkQueue {
  /** Bytes waiting. */
  bytes = 0;
  private chunks: Buffer[] = [];
  /** Index of the first chunk that is still here. */
  private head = 0;
  /** The block that the last chunk lies in, or null when the last chunk is not ours to extend. */
  private block: Buffer | null = null;
  private blockUsed = 0;

  /** Keeps `chunk` itself. */
  push(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    this.block = null;
  }

  /** Keeps the bytes of `piece`, in no more than four times its size of memory, beside one block per queue. */
  pushCompact(piece: Buffer): void {
    if (piece.length * 2 >= BLOCK_BYTES && piece.length * 2 >= piece.buffer.byteLength) {
      this.push(piece);
      return;
    }
    const taken = this.block === null ? 0 : this.extendLast(this.block, piece);
    if (taken === piece.length) return;
    const rest = piece.subarray(taken);
    const block = Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, rest.length));
    block.set(rest, 0);
    this.push(block.subarray(0, rest.length));
    this.block = block;
    this.blockUsed = rest.length;
  }

  /** Takes the first chunk, or what of it fits in `max` bytes. Only while `bytes` is above 0. */
  take(max: number): Buffer {
    const first = this.chunks[this.head];
    if (first.length > max) {
      this.chunks[this.head] = first.subarray(max);
      this.bytes -= max;
      return first.subarray(0, max);
    }
    this.bytes -= first.length;
    this.chunks[this.head++] = TAKEN;
    if (this.bytes === 0) {
      this.clear();
    } else if (this.head >= MAX_TAKEN && this.head * 2 >= this.chunks.length) {
      this.chunks = this.chunks.slice(this.head);
      this.head = 0;
    }
    return first;
  }

  clear(): void {
    this.chunks = [];
    this.head = 0;
    this.bytes = 0;
    this.block = null;
  }

  /** Appends what fits of `piece` to the block; returns how much that was. */
  private extendLast(block: Buffer, piece: Buffer): number {
    const taken = Math.min(piece.length, block.length - this.blockUsed);
    if (taken === 0) return 0;
    const last = this.chunks.length - 1;
    const start = this.blockUsed - this.chunks[last].length;
    block.set(piece.subarray(0, taken), this.blockUsed);
    this.blockUsed += taken;
    this.chunks[last] = block.subarray(start, this.blockUsed);
    this.bytes += taken;
    return taken;
  }
}
