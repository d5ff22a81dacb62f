/** Smaller shares are not lent: they would not help a stream. */
const MIN_SHARE_BYTES = 4096;

/**
 * The pool from which windows borrow the bytes that they grow by. It bounds what all windows of a connection together can
 * make this end hold.
 */
export class ReceiveBudget {
  constructor(private left: number) {}

  /**
   * Lends up to `wanted` bytes, or 0 when that would be little: at most half of the rest, so that a few streams cannot
   * take it all.
   */
  share(wanted: number): number {
    const share = Math.min(wanted, this.left >>> 1);
    if (share < MIN_SHARE_BYTES) return 0;
    this.left -= share;
    return share;
  }

  /** Lends up to `wanted` bytes, as far as there are any. */
  reserve(wanted: number): number {
    const taken = Math.max(Math.min(wanted, this.left), 0);
    this.left -= taken;
    return taken;
  }

  release(bytes: number): void {
    this.left += bytes;
  }
}
