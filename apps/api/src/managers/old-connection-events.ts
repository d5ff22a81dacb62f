import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Repositories } from '@culvert/domain';
import { BACKGROUND_STORE, LOG, SETTINGS } from '@culvert/nest';
import type { Settings } from '@culvert/runtime';
import type { Logger } from 'pino';

const SWEEP_INTERVAL_MS = 10 * 60_000;
/** Removed by one statement: short, so that nobody waits for it. */
const BATCH = 1000;

/** Forgets what happened to tunnels long ago. Several processes may do so at once. */
@Injectable()
export class OldConnectionEvents implements OnApplicationBootstrap, OnApplicationShutdown {
  private sweep: NodeJS.Timeout | undefined;
  private isStopping = false;

  constructor(
    @Inject(BACKGROUND_STORE) private readonly store: Pick<Repositories, 'connectionEvents'>,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'connectionHistoryMs'>,
    @Inject(LOG) private readonly log: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.sweep = setInterval(() => {
      this.remove(new Date()).catch((error: unknown) =>
        this.log.warn({ err: error }, 'old connection events not removed'),
      );
    }, SWEEP_INTERVAL_MS).unref();
  }

  onApplicationShutdown(): void {
    this.isStopping = true;
    clearInterval(this.sweep);
  }

  /** Removes all that is too old at `now`. Returns how many. */
  async remove(now: Date): Promise<number> {
    const before = new Date(now.getTime() - this.settings.connectionHistoryMs);
    let total = 0;
    for (;;) {
      const count = await this.store.connectionEvents.removeBefore(before, BATCH);
      total += count;
      if (count < BATCH || this.isStopping) return total;
    }
  }
}
