/**
 * A first-in, first-out queue of bytes. A large piece is kept without a copy. A small one is copied into memory of the
 * queue: a slice of ten bytes would otherwise retain the whole read or message that it was cut from, and cost an object.
 */

/** Pieces up to this size are copied behind each other, into tails of at most `TAIL_BYTES`. */
const MAX_COPIED_BYTES = 4096;
const TAIL_BYTES = 8192;

/** Number of removed pieces whose places may stay in the array before it is cut. */
const MAX_TAKEN = 64;

const EMPTY = Buffer.alloc(0);

export class ByteQueue {
  /** Bytes that wait. */
  size = 0;
  // pieces[head..end) wait. The other places are kept for pieces to come, so that no array is made for each.
  private pieces: Buffer[] = [];
  private head = 0;
  private end = 0;
  // The last waiting bytes, after those of the pieces: tail[tailStart..tailEnd). The rest of the tail is free. Without waiting bytes there is no tail.
  private tail: Buffer = EMPTY;
  private tailStart = 0;
  private tailEnd = 0;

  /** Keeps `bytes` itself. */
  push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (this.tailEnd > 0) this.seal();
    this.pieces[this.end++] = bytes;
    this.size += bytes.length;
  }

  /** Copies a small piece behind the one before it, and keeps a large one itself. */
  pushJoined(bytes: Buffer): void {
    const { length } = bytes;
    if (length > MAX_COPIED_BYTES) {
      this.push(bytes);
      return;
    }
    this.size += length;
    if (this.tail.length - this.tailEnd < length) {
      if (this.tailEnd > 0) this.seal();
      this.tail = Buffer.allocUnsafeSlow(this.size > TAIL_BYTES ? TAIL_BYTES : MAX_COPIED_BYTES);
    }
    this.tail.set(bytes, this.tailEnd);
    this.tailEnd += length;
  }

  /** Keeps the bytes of `piece` in no more than four times their size of memory, beside one tail per queue. */
  pushCompact(piece: Buffer): void {
    const { length } = piece;
    if (length <= MAX_COPIED_BYTES) this.pushJoined(piece);
    else if (length * 2 >= piece.buffer.byteLength) this.push(piece);
    else this.push(copyOf(piece));
  }

  /** Removes and returns the first bytes, at most `max`, without a copy: fewer when they lie in several pieces. The queue must not be empty. */
  shift(max: number): Buffer {
    if (this.end === 0) return this.shiftTail(max);
    const first = this.pieces[this.head];
    if (first.length > max) {
      this.pieces[this.head] = first.subarray(max);
      this.size -= max;
      return first.subarray(0, max);
    }
    this.size -= first.length;
    this.pieces[this.head++] = EMPTY;
    if (this.head === this.end) {
      this.forgetPieces();
    } else if (this.head >= MAX_TAKEN && this.head * 2 >= this.end) {
      this.pieces = this.pieces.slice(this.head, this.end);
      this.end -= this.head;
      this.head = 0;
    }
    return first;
  }

  clear(): void {
    this.size = 0;
    if (this.pieces.length > 0) this.pieces = [];
    this.head = 0;
    this.end = 0;
    this.forgetTail();
  }

  private shiftTail(max: number): Buffer {
    const taken = this.tail.subarray(this.tailStart, Math.min(this.tailEnd, this.tailStart + max));
    this.tailStart += taken.length;
    this.size -= taken.length;
    if (this.size === 0) this.forgetTail();
    return taken;
  }

  /** Makes the tail a piece, since the bytes that follow lie elsewhere. */
  private seal(): void {
    this.pieces[this.end++] = this.tail.subarray(this.tailStart, this.tailEnd);
    this.forgetTail();
  }

  private forgetPieces(): void {
    if (this.end > MAX_TAKEN) this.pieces = [];
    this.head = 0;
    this.end = 0;
  }

  private forgetTail(): void {
    this.tail = EMPTY;
    this.tailStart = 0;
    this.tailEnd = 0;
  }
}

/** Returns a copy in memory of its own: the pool of `Buffer.allocUnsafe` would be pinned. */
function copyOf(piece: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(piece.length);
  copy.set(piece, 0);
  return copy;
}
