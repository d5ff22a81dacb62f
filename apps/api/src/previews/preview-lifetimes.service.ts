import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Repositories } from '@culvert/domain';
import { BACKGROUND_STORE, LOG } from '@culvert/nest';
import { PreviewRules } from '@culvert/previews';
import type { Logger } from 'pino';
import { ApiMeasures } from '../http/measures/api-measures.js';

const SWEEP_MS = 30_000;
/** Maximum number of previews that one sweep removes; later sweeps remove the rest. */
const MAX_ENDED = 500;

/** Removes previews that have expired, which edges already refuse, and those that were unused for too long. */
@Injectable()
export class PreviewLifetimes implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private sweeping: Promise<void> = Promise.resolve();

  constructor(
    @Inject(BACKGROUND_STORE) private readonly store: Repositories,
    @Inject(LOG) private readonly log: Logger,
    private readonly rules: PreviewRules,
    private readonly measures: ApiMeasures,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.sweeping = this.measures
        .timeSweep('previews', () => this.sweep(new Date()))
        .catch((error: unknown) => this.log.error({ err: error }, 'cannot remove ended previews'));
    }, SWEEP_MS);
    this.timer.unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.sweeping;
  }

  async sweep(now: Date): Promise<void> {
    const ended = await this.store.previews.removeEnded(now, MAX_ENDED);
    await this.rules.recordEnded(ended);
  }
}
