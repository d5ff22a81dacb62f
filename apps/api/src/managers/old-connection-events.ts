import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Repositories } from '@culvert/domain';
import { BACKGROUND_STORE, LOG, SETTINGS } from '@culvert/nest';
import type { Settings } from '@culvert/runtime';
import type { Logger } from 'pino';

const SWEEP_INTERVAL_MS = 10 * 60_000;
/** Rows that one statement removes: few, so that others do not wait for it. */
const BATCH = 1000;

/** Removes old events of tunnels. Several processes can do so at once. */
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
        this.log.warn({ err: error }, 'cannot remove old connection events'),
      );
    }, SWEEP_INTERVAL_MS).unref();
  }

  onApplicationShutdown(): void {
    this.isStopping = true;
    clearInterval(this.sweep);
  }

  /** Removes everything that is too old at `now`. Returns how many. */
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
