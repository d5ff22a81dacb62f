/** How many lines of a kind may go into a log, so that a flood of failures cannot fill a disk. */
export interface LineBudgetOptions {
  /** At once, after a time without any. */
  readonly burst: number;
  readonly perMinute: number;
  /** Called with how many lines were left out: once in ten seconds at most. */
  readonly onOmitted: (count: number) => void;
  /** Milliseconds of a steady clock. */
  readonly now?: () => number;
}

const REPORT_MS = 10_000;
const MINUTE_MS = 60_000;

/** Counts what it refuses, and reports the count. */
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

  /** Whether one more line may be written now. */
  take(): boolean {
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

  /** Reports at once what was left out so far. */
  report(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { omitted } = this;
    this.omitted = 0;
    if (omitted > 0) this.options.onOmitted(omitted);
  }
}
