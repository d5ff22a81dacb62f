import { Injectable, type OnModuleDestroy } from '@nestjs/common';

/** Rejects, or does not resolve in time, while the thing it checks cannot be relied on. */
export type ReadinessCheck = () => Promise<void>;

export interface ReadinessReport {
  readonly ready: boolean;
  /** By name: `ok`, or why not. */
  readonly checks: Readonly<Record<string, string>>;
}

const CHECK_TIMEOUT_MS = 2000;

/** Whether this process should get traffic: everything it needs answers, and it is not about to stop. */
@Injectable()
export class Readiness implements OnModuleDestroy {
  readonly #checks = new Map<string, ReadinessCheck>();
  readonly #listeners: (() => void)[] = [];
  #isStopping = false;

  constructor(private readonly timeoutMs = CHECK_TIMEOUT_MS) {}

  addCheck(name: string, check: ReadinessCheck): void {
    this.#checks.set(name, check);
  }

  /** Not ready from now on: load balancers look away while work in progress is finished. */
  markStopping(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    for (const listener of this.#listeners) listener();
  }

  /** Calls back once, when the process begins to stop: what would go on without end has to end now. */
  onStopping(listener: () => void): void {
    if (this.#isStopping) listener();
    else this.#listeners.push(listener);
  }

  onModuleDestroy(): void {
    this.markStopping();
  }

  async report(): Promise<ReadinessReport> {
    if (this.#isStopping) return { ready: false, checks: { process: 'stopping' } };
    const results = await Promise.all(
      [...this.#checks].map(async ([name, check]) => [name, await this.#run(check)] as const),
    );
    return { ready: results.every(([, result]) => result === 'ok'), checks: Object.fromEntries(results) };
  }

  async #run(check: ReadinessCheck): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(resolve, this.timeoutMs, 'no answer in time');
    });
    // The reason stays out of the report, which anyone may read: it can name hosts and accounts.
    const outcome = check().then(
      () => 'ok',
      () => 'failing',
    );
    try {
      return await Promise.race([outcome, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
