/** Counts events in windows of time. */
export class RateWindow {
  private beganAt = -Infinity;
  private count = 0;

  constructor(
    private readonly max: number,
    private readonly windowMs: number,
  ) {}

  /** Counts one. Returns false when there were too many. */
  take(now: number): boolean {
    if (now - this.beganAt > this.windowMs) {
      this.beganAt = now;
      this.count = 0;
    }
    return ++this.count <= this.max;
  }

  /** Makes up for `count` of them. */
  give(count: number): void {
    this.count -= count;
  }
}
