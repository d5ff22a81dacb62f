/** Counts the bytes that all watches of this edge hold together: kept exchanges, and bodies that are being captured. */
export class WatchMemory {
  private held = 0;

  constructor(private readonly maxBytes: number) {}

  /** Reserves all of `bytes` or none. Returns whether it did. */
  reserve(bytes: number): boolean {
    if (this.held + bytes > this.maxBytes) return false;
    this.held += bytes;
    return true;
  }

  release(bytes: number): void {
    this.held -= bytes;
  }

  get heldBytes(): number {
    return this.held;
  }
}
