/** Counts events in windows of time. A window begins with the first event after the previous one is over. */
export class RateWindow {
  private beganAt = -Infinity;
  private count = 0;

  /** @param max events that a window of `windowMs` milliseconds may have */
  constructor(
    private readonly max: number,
    private readonly windowMs: number,
  ) {}

  /** Counts one event. Returns true when the window has too many. @param now milliseconds of a monotonic clock */
  exceeds(now: number): boolean {
    if (now - this.beganAt >= this.windowMs) {
      this.beganAt = now;
      this.count = 0;
    }
    return ++this.count > this.max;
  }

  /** Lets `count` more events happen in the current window. */
  forgive(count: number): void {
    this.count -= count;
  }
}
