import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { TRAFFIC_MEMORY_MS, type Repositories } from '@culvert/domain';
import { BACKGROUND_STORE, LOG } from '@culvert/nest';
import type { Logger } from 'pino';
import { ApiMeasures } from '../../http/measures/api-measures.js';

const SWEEP_INTERVAL_MS = 5 * 60_000;
/** Rows that one statement removes: few, so that others do not wait for it. */
const BATCH = 5000;

/** Removes traffic of previews that is older than a day. Several processes can do so at once. */
@Injectable()
export class OldTraffic implements OnApplicationBootstrap, OnApplicationShutdown {
  private sweep: NodeJS.Timeout | undefined;
  private isStopping = false;

  constructor(
    @Inject(BACKGROUND_STORE) private readonly store: Pick<Repositories, 'previewTraffic'>,
    @Inject(LOG) private readonly log: Logger,
    private readonly measures: ApiMeasures,
  ) {}

  onApplicationBootstrap(): void {
    this.sweep = setInterval(() => {
      this.measures
        .timeSweep('preview_traffic', () => this.remove(new Date()))
        .catch((error: unknown) => this.log.warn({ err: error }, 'cannot remove old traffic of previews'));
    }, SWEEP_INTERVAL_MS).unref();
  }

  onApplicationShutdown(): void {
    this.isStopping = true;
    clearInterval(this.sweep);
  }

  /** Removes everything that is too old at `now`. Returns how many minutes. */
  async remove(now: Date): Promise<number> {
    const before = new Date(now.getTime() - TRAFFIC_MEMORY_MS);
    let total = 0;
    for (;;) {
      const count = await this.store.previewTraffic.removeBefore(before, BATCH);
      total += count;
      if (count < BATCH || this.isStopping) return total;
    }
  }
}
