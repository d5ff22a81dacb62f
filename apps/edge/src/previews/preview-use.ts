import type { Repositories } from '@culvert/domain';
import type { Relay } from '@culvert/relay';
import type { Logger } from 'pino';

/** Precision of `lastUsedAt`. The shortest idle time of a preview is five of these. */
const RECORD_MS = 60_000;

/**
 * Records which previews are used, for those that expire when idle, and how many requests of each team were forwarded,
 * which the team can see.
 */
export class PreviewUse {
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly store: Pick<Repositories, 'previews' | 'teams'>,
    private readonly relay: Pick<Relay, 'drainUsedPreviews' | 'drainRequestCounts'>,
    private readonly log: Logger,
  ) {
    this.timer = setInterval(() => void this.record(new Date()), RECORD_MS);
    this.timer.unref();
  }

  async record(at: Date): Promise<void> {
    const ids = this.relay.drainUsedPreviews();
    const counts = this.relay.drainRequestCounts();
    try {
      if (ids.length > 0) await this.store.previews.recordUse(ids, at);
      if (counts.size > 0) await this.store.teams.recordRequests(counts, at);
    } catch (error) {
      this.log.error(
        { err: error, previews: ids.length, teams: counts.size },
        'cannot record the use of previews',
      );
    }
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.record(new Date());
  }
}
