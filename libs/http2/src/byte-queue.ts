/**
 * Bytes that wait. Large pieces are kept as they are; small ones are copied together, so that a piece neither pins the
 * read or message it lies in nor costs an object of its own.
 */
const MAX_COPIED_BYTES = 4096;
const TAIL_BYTES = 8192;

const EMPTY = Buffer.alloc(0);

export class ByteQueue {
  /** Bytes that wait. */
  size = 0;
  private readonly pieces: Buffer[] = [];
  // Behind the pieces: tail[tailStart..tailEnd) waits, and what follows is free.
  private tail: Buffer = EMPTY;
  private tailStart = 0;
  private tailEnd = 0;

  push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.size += bytes.length;
    if (bytes.length > MAX_COPIED_BYTES) {
      this.seal();
      this.pieces.push(bytes);
      return;
    }
    if (this.tail.length - this.tailEnd < bytes.length) {
      this.seal();
      this.tail = Buffer.allocUnsafeSlow(this.size > TAIL_BYTES ? TAIL_BYTES : MAX_COPIED_BYTES);
    }
    this.tail.set(bytes, this.tailEnd);
    this.tailEnd += bytes.length;
  }

  /** The first bytes, at most `max`, as they lie: fewer when they lie in several places. Not when empty. */
  take(max: number): Buffer {
    if (this.pieces.length === 0) {
      const taken = this.tail.subarray(this.tailStart, Math.min(this.tailEnd, this.tailStart + max));
      this.tailStart += taken.length;
      this.size -= taken.length;
      if (this.size === 0) this.clear();
      return taken;
    }
    const piece = this.pieces[0];
    const taken = piece.length <= max ? piece : piece.subarray(0, max);
    if (taken === piece) this.pieces.shift();
    else this.pieces[0] = piece.subarray(max);
    this.size -= taken.length;
    return taken;
  }

  clear(): void {
    this.size = 0;
    this.pieces.length = 0;
    this.tail = EMPTY;
    this.tailStart = 0;
    this.tailEnd = 0;
  }

  private seal(): void {
    if (this.tailEnd > this.tailStart) this.pieces.push(this.tail.subarray(this.tailStart, this.tailEnd));
    this.tail = EMPTY;
    this.tailStart = 0;
    this.tailEnd = 0;
  }
}
