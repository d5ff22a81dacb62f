import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Repositories } from '@culvert/domain';
import { BACKGROUND_STORE, LOG, SETTINGS } from '@culvert/nest';
import type { Retention, Settings } from '@culvert/runtime';
import type { Logger } from 'pino';
import { ApiMeasures } from '../http/measures/api-measures.js';

const SWEEP_INTERVAL_MS = 10 * 60_000;
/** Rows that one statement removes: few, so that others do not wait for it. */
const BATCH = 1000;

/** What is removed, and after which time. Credentials come last: a key stays as long as a session that used it. */
const KINDS: readonly {
  readonly name: string;
  readonly kept: keyof Retention;
  /** Returns how many of at most `max` were removed. */
  readonly remove: (store: Stores, before: Date, max: number) => Promise<number>;
}[] = [
  {
    name: 'connection events',
    kept: 'connectionEventsMs',
    remove: ({ connectionEvents }, before, max) => connectionEvents.removeBefore(before, max),
  },
  {
    name: 'audit events',
    kept: 'auditEventsMs',
    remove: ({ oldRecords }, before, max) => oldRecords.removeAuditEvents(before, max),
  },
  {
    name: 'sessions',
    kept: 'sessionsMs',
    remove: ({ oldRecords }, before, max) => oldRecords.removeEndedSessions(before, max),
  },
  {
    name: 'credentials',
    kept: 'credentialsMs',
    remove: ({ oldRecords }, before, max) => oldRecords.removeEndedCredentials(before, max),
  },
];

type Stores = Pick<Repositories, 'connectionEvents' | 'oldRecords'>;

/** Removes records of all teams that are older than `Settings.retention` says. Several processes can do so at once. */
@Injectable()
export class OldRecords implements OnApplicationBootstrap, OnApplicationShutdown {
  private sweep: NodeJS.Timeout | undefined;
  private isStopping = false;

  constructor(
    @Inject(BACKGROUND_STORE) private readonly store: Stores,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'retention'>,
    @Inject(LOG) private readonly log: Logger,
    private readonly measures: ApiMeasures,
  ) {}

  onApplicationBootstrap(): void {
    this.sweep = setInterval(() => void this.remove(new Date()), SWEEP_INTERVAL_MS).unref();
  }

  onApplicationShutdown(): void {
    this.isStopping = true;
    clearInterval(this.sweep);
  }

  /** Removes everything that is too old at `now`. Returns how many rows. A kind that fails is left for the next sweep. */
  async remove(now: Date): Promise<number> {
    let total = 0;
    for (const kind of KINDS) {
      try {
        total += await this.measures.timeSweep('old_records', () => this.removeKind(kind, now));
      } catch (error) {
        this.log.warn({ err: error }, `cannot remove old ${kind.name}`);
      }
    }
    return total;
  }

  private async removeKind({ kept, remove }: (typeof KINDS)[number], now: Date): Promise<number> {
    const keptMs = this.settings.retention[kept];
    if (keptMs === 0) return 0;
    const before = new Date(now.getTime() - keptMs);
    let total = 0;
    while (!this.isStopping) {
      const count = await remove(this.store, before, BATCH);
      if (count === 0) break;
      total += count;
    }
    return total;
  }
}
