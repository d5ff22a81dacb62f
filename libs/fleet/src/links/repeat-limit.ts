/** Occurrences of one kind since they were last reported, and the latest of them. */
interface Repeated<Detail> {
  count: number;
  latest: Detail;
}

/**
 * Bounds what the log gets of events that repeat: the first of each kind at once, and after each interval how many more
 * there were, with the latest. A burst fills no disk.
 */
export class RepeatLimit<Detail> {
  private readonly kinds = new Map<string, Repeated<Detail>>();
  private timer: NodeJS.Timeout | null = null;

  /**
   * @param report gets an event, and how many events of its kind it stands for
   * @param maxKinds kinds that one interval reports; events of further kinds are dropped
   */
  constructor(
    private readonly report: (detail: Detail, count: number) => void,
    private readonly intervalMs: number,
    private readonly maxKinds = 100,
  ) {}

  add(kind: string, detail: Detail): void {
    const known = this.kinds.get(kind);
    if (known !== undefined) {
      known.count++;
      known.latest = detail;
      return;
    }
    if (this.kinds.size >= this.maxKinds) return;
    this.kinds.set(kind, { count: 0, latest: detail });
    this.report(detail, 1);
    this.timer ??= setTimeout(() => this.flush(), this.intervalMs).unref();
  }

  /** Reports what is left. */
  close(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.flush();
  }

  private flush(): void {
    this.timer = null;
    const reported = [...this.kinds.values()];
    this.kinds.clear();
    for (const { count, latest } of reported) if (count > 0) this.report(latest, count);
  }
}
