/** A seeded random source (mulberry32), so that a failing test can be repeated. */
export class SeededRandom {
  constructor(private state: number) {}

  /** Returns a number from 0 to below 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** Returns an integer from `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  /** Returns an integer from 0 to `limit - 1`; 0 if `limit` is 0. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }

  /** Returns true once in `n` times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  bytes(length: number): Buffer {
    const buffer = Buffer.allocUnsafe(length);
    for (let i = 0; i < length; i++) buffer[i] = this.next() * 256;
    return buffer;
  }

  /** Returns `whole` split into pieces of 1 to `maxPiece` bytes. */
  cut(whole: Buffer, maxPiece: number): Buffer[] {
    const pieces: Buffer[] = [];
    for (let at = 0; at < whole.length;) {
      const end = Math.min(whole.length, at + this.integer(1, maxPiece));
      pieces.push(whole.subarray(at, end));
      at = end;
    }
    return pieces;
  }
}
