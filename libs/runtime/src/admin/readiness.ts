/** Resolves while a dependency works. Rejects, or does not resolve in time, while it does not. */
export type DependencyCheck = () => Promise<void>;

export interface ReadinessReport {
  readonly ready: boolean;
  /** By name: `ok`, or why not. */
  readonly checks: Readonly<Record<string, string>>;
}

const STOPPING: ReadinessReport = { ready: false, checks: { process: 'stopping' } };

/** Kubernetes gives a probe one second by default. A dependency that is slow must not fail the probe. */
const CHECK_TIMEOUT_MS = 500;

/**
 * Decides whether this process should get traffic. It becomes ready when all its dependencies answer, and stays ready
 * without them until it stops. All processes share these dependencies: if each left the load balancer during an outage, none
 * would be left. An edge serves what it has cached, and an API process answers 503 with Retry-After.
 */
export class Readiness {
  private readonly checks = new Map<string, DependencyCheck>();
  /** Pending checks, by name. Probes share them, so that a hanging dependency is not asked again and again. */
  private readonly running = new Map<string, Promise<string>>();
  private readonly listeners: (() => void)[] = [];
  private isClosing = false;
  private state: 'starting' | 'ready' | 'stopping' = 'starting';

  constructor(private readonly timeoutMs = CHECK_TIMEOUT_MS) {}

  private get isStopping(): boolean {
    return this.state === 'stopping';
  }

  addCheck(name: string, check: DependencyCheck): void {
    this.checks.set(name, check);
  }

  /** Makes the process unready for good, so that load balancers send nothing while it finishes its work. */
  markStopping(): void {
    if (this.isStopping) return;
    this.state = 'stopping';
  }

  /** The process, which stops, has closed its port: what ends now continues in another process. */
  markClosing(): void {
    this.markStopping();
    this.isClosing = true;
    for (const listener of this.listeners.splice(0)) listener();
  }

  /** Calls `listener` once, at `markClosing`. For work that would otherwise never end, such as event streams. */
  onClosing(listener: () => void): void {
    if (this.isClosing) listener();
    else this.listeners.push(listener);
  }

  async report(): Promise<ReadinessReport> {
    if (this.isStopping) return STOPPING;
    const checks = await this.check();
    // The process may have begun to stop meanwhile.
    if (this.isStopping) return STOPPING;
    if (Object.values(checks).every((result) => result === 'ok')) this.state = 'ready';
    return { ready: this.state === 'ready', checks };
  }

  /** Returns the dependencies by name: `ok`, `failing`, or `no answer in time`. Takes half a second at most. */
  async check(): Promise<Readonly<Record<string, string>>> {
    const results = await Promise.all(
      [...this.checks].map(async ([name, check]) => [name, await this.inTime(this.run(name, check))]),
    );
    return Object.fromEntries(results) as Record<string, string>;
  }

  private run(name: string, check: DependencyCheck): Promise<string> {
    const running = this.running.get(name);
    if (running !== undefined) return running;
    // The reason stays out of the report, which anyone may read: it can name hosts and accounts.
    const outcome = check()
      .then(
        () => 'ok',
        () => 'failing',
      )
      .finally(() => this.running.delete(name));
    this.running.set(name, outcome);
    return outcome;
  }

  private async inTime(outcome: Promise<string>): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(resolve, this.timeoutMs, 'no answer in time');
    });
    try {
      return await Promise.race([outcome, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
