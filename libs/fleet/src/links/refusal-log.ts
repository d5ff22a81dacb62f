/**
 * Bounds what the log gets of refused connections: the first of each reason at once, and after each interval how many
 * more there were. A crowd of visitors at the port of links fills no disk.
 */
export class RefusalLog {
  /** Refusals that were not reported yet, by reason. */
  private readonly counts = new Map<string, number>();
  private timer: NodeJS.Timeout | null = null;

  /** @param report gets the reason, one address, and how many connections it stands for */
  constructor(
    private readonly report: (reason: string, remoteAddress: string, count: number) => void,
    private readonly intervalMs = 10_000,
  ) {}

  add(reason: string, remoteAddress: string): void {
    const count = this.counts.get(reason);
    if (count !== undefined) {
      this.counts.set(reason, count + 1);
      return;
    }
    if (this.counts.size >= MAX_REASONS) return;
    this.counts.set(reason, 0);
    this.report(reason, remoteAddress, 1);
    this.timer ??= setTimeout(() => this.flush(), this.intervalMs).unref();
  }

  /** Reports what is left. */
  close(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.flush();
  }

  private flush(): void {
    this.timer = null;
    for (const [reason, count] of this.counts) if (count > 0) this.report(reason, 'various', count);
    this.counts.clear();
  }
}

/** Reasons are a few codes of OpenSSL and of the tunnel protocol. */
const MAX_REASONS = 100;
