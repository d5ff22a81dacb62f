/**
 * Credit of the far end, returned as its bytes are consumed, in steps of half a window. A window is a number and never a
 * state: its owner knows whether more may arrive.
 */

/** A window grows when it was consumed within this many round trips. */
const GROWTH_ROUND_TRIPS = 2;

export class ReceiveWindow {
  /** Bytes granted and not yet consumed, at most: what the far end can make this end hold. */
  size = 0;
  /** Bytes the far end may still send. */
  private credit = 0;
  /** Bytes consumed and not yet granted again. */
  private consumed = 0;
  /** Bytes consumed since `growthStart`. */
  private growthBytes = 0;
  private growthStart = 0;

  /** @param initialSize bytes that the far end may send without an announcement */
  constructor(private readonly initialSize: number) {
    this.size = initialSize;
    this.credit = initialSize;
  }

  /** Bytes that the far end may still send; less than 0 when it has sent too many. */
  get creditBytes(): number {
    return this.credit;
  }

  /** Counts bytes that arrived. Returns false when the far end had no credit for them. */
  receive(bytes: number): boolean {
    this.credit -= bytes;
    return this.credit >= 0;
  }

  /**
   * Counts bytes that were passed on. Returns true when it is time to grant them again.
   * @param bytes negative for bytes that were counted too early
   */
  consume(bytes: number): boolean {
    this.consumed += bytes;
    return this.consumed * 2 >= this.size;
  }

  /**
   * Returns by how many bytes the window should grow with the grant that follows: at most as much again, and to `maxSize`
   * at most. 0 unless the window, and not the consumer, is what slows the far end down. Call it once for each grant.
   */
  wantedGrowth(maxSize: number, roundTripMs: number): number {
    this.growthBytes += this.consumed;
    if (this.growthBytes < this.size) return 0;
    const now = performance.now();
    const elapsedMs = now - this.growthStart;
    this.growthStart = now;
    this.growthBytes = 0;
    return elapsedMs > GROWTH_ROUND_TRIPS * roundTripMs ? 0 : Math.min(this.size, maxSize - this.size);
  }

  /**
   * Grants again what was consumed, and `growth` bytes by which the window becomes larger.
   * @returns the credit to announce to the far end
   */
  grant(growth: number): number {
    const credit = this.consumed + growth;
    this.consumed = 0;
    this.size += growth;
    this.credit += credit;
    return credit;
  }

  /** Makes the window larger by `growth` bytes, which are credit to announce to the far end. */
  widen(growth: number): void {
    this.size += growth;
    this.credit += growth;
  }

  /** Shrinks the window to its initial size when it ends. Returns the bytes that it had grown by, which were lent to it. */
  shrink(): number {
    const growth = this.size - this.initialSize;
    this.size = this.initialSize;
    return growth;
  }
}
