/** Counts the bytes that all watches of this edge hold together: kept exchanges, and bodies that are being captured. */
export class WatchMemory {
  private held = 0;

  /** @param parent from which everything is reserved as well; null: there is none */
  constructor(
    private readonly maxBytes: number,
    private readonly parent: WatchMemory | null = null,
  ) {}

  /** Reserves all of `bytes` or none. Returns whether it did. */
  reserve(bytes: number): boolean {
    if (this.held + bytes > this.maxBytes || this.parent?.reserve(bytes) === false) return false;
    this.held += bytes;
    return true;
  }

  release(bytes: number): void {
    this.held -= bytes;
    this.parent?.release(bytes);
  }

  get heldBytes(): number {
    return this.held;
  }
}
