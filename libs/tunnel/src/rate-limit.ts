/** Counts events in windows of a second. */
export class RateLimit {
  private windowStart = 0;
  private count = 0;

  constructor(private readonly maxPerSecond: number) {}

  /** Counts one event; true when it is one too many. */
  exceeds(): boolean {
    const now = performance.now();
    if (now - this.windowStart >= 1000) {
      this.windowStart = now;
      this.count = 0;
    }
    return ++this.count > this.maxPerSecond;
  }
}
