/** Limits of the lines of one kind, so that a flood of failures cannot fill a disk. */
export interface LineBudgetOptions {
  /** Lines that may be written at once after a quiet time. */
  readonly burst: number;
  readonly perMinute: number;
  /** Called with the number of omitted lines, at most once in ten seconds. */
  readonly onOmitted: (count: number) => void;
  /** Milliseconds of a steady clock. */
  readonly now?: () => number;
}

const REPORT_MS = 10_000;
const MINUTE_MS = 60_000;

/** Decides which lines are written. Counts the others and reports their number. */
export class LineBudget {
  private left: number;
  private filledAt: number;
  private omitted = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly now: () => number;

  constructor(private readonly options: LineBudgetOptions) {
    this.now = options.now ?? (() => performance.now());
    this.left = options.burst;
    this.filledAt = this.now();
  }

  /** Reports whether one more line may be written now, and counts it as omitted if not. */
  consume(): boolean {
    const { burst, perMinute } = this.options;
    const now = this.now();
    this.left = Math.min(burst, this.left + ((now - this.filledAt) / MINUTE_MS) * perMinute);
    this.filledAt = now;
    if (this.left >= 1) {
      this.left--;
      return true;
    }
    this.omitted++;
    this.timer ??= setTimeout(() => this.report(), REPORT_MS).unref();
    return false;
  }

  /** Reports the lines omitted so far without waiting. */
  report(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { omitted } = this;
    this.omitted = 0;
    if (omitted > 0) this.options.onOmitted(omitted);
  }
}
