import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Repositories } from '@culvert/domain';
import { BACKGROUND_STORE, LOG } from '@culvert/nest';
import type { Logger } from 'pino';
import { ApiMeasures } from '../../http/measures/api-measures.js';

const SWEEP_INTERVAL_MS = 10 * 60_000;
/** How long tokens of workload identities are kept after their end, for people who look at a connection of yesterday. */
const KEPT_TOKENS_MS = 24 * 60 * 60_000;

/** Removes codes, device codes, tokens and programs that no longer work. Several processes can do so at once. */
@Injectable()
export class ExpiredPrograms implements OnApplicationBootstrap, OnApplicationShutdown {
  private sweep: NodeJS.Timeout | undefined;

  constructor(
    @Inject(BACKGROUND_STORE) private readonly store: Repositories,
    @Inject(LOG) private readonly log: Logger,
    private readonly measures: ApiMeasures,
  ) {}

  onApplicationBootstrap(): void {
    this.sweep = setInterval(() => this.removeExpired(), SWEEP_INTERVAL_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.sweep);
  }

  private removeExpired(): void {
    const now = new Date();
    this.measures
      .timeSweep('programs', () =>
        Promise.all([
          this.store.programs.removeExpired(now),
          this.store.deviceAuthorizations.removeExpired(now),
          this.store.workloadIdentities.removeEndedTokens(new Date(now.getTime() - KEPT_TOKENS_MS)),
        ]),
      )
      .catch((error: unknown) => this.log.warn({ err: error }, 'cannot remove expired programs'));
  }
}
