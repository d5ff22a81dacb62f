/** Shares smaller than this are not worth a stream's while. */
const MIN_SHARE_BYTES = 4096;

/**
 * The pool that grants windows above the credit every stream starts with (docs/protocol.md §5). A share is at
 * most half of what is left, so that no few streams can take it all.
 */
export class ReceiveBudget {
  constructor(private left: number) {}

  /** Up to `wanted` bytes, maybe 0. */
  take(wanted: number): number {
    const share = Math.min(wanted, this.left >>> 1);
    if (share < MIN_SHARE_BYTES) return 0;
    this.left -= share;
    return share;
  }

  release(bytes: number): void {
    this.left += bytes;
  }
}
