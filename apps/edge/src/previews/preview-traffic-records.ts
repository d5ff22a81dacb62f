import type { PreviewTrafficRepository, TrafficDraft } from '@culvert/domain';
import type { Relay, RouteTraffic } from '@culvert/relay';
import type { Logger } from 'pino';

const RECORD_MS = 15_000;
const MINUTE_MS = 60_000;
/** Rows in one statement. */
const BATCH = 1000;
/** Maximum number of records held while the store does not answer. */
const MAX_PENDING = 20_000;

/** Records, four times a minute, the traffic of previews. */
export class PreviewTrafficRecords {
  private timer: NodeJS.Timeout;
  /** Records that are not written yet, by preview and minute. */
  private pending = new Map<string, TrafficDraft>();
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly traffic: Pick<PreviewTrafficRepository, 'add'>,
    private readonly relay: Pick<Relay, 'drainTraffic'>,
    private readonly log: Logger,
  ) {
    this.timer = this.nextTimer();
  }

  /** Takes the counts since the last call and writes them. */
  record(now: Date): Promise<void> {
    // The minute in which most of it was counted.
    const minute = new Date(Math.floor((now.getTime() - RECORD_MS / 2) / MINUTE_MS) * MINUTE_MS);
    for (const counted of this.relay.drainTraffic()) this.hold(counted, minute);
    return (this.writing = this.writing.then(() => this.write()));
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    clearTimeout(this.timer);
    await this.record(new Date());
  }

  /** Fires at whole intervals of the clock, so that no record spans two minutes. */
  private nextTimer(): NodeJS.Timeout {
    return setTimeout(
      () => {
        this.timer = this.nextTimer();
        void this.record(new Date());
      },
      RECORD_MS - (Date.now() % RECORD_MS),
    ).unref();
  }

  private hold(counted: RouteTraffic, minute: Date): void {
    const key = `${counted.previewId} ${minute.getTime()}`;
    const held = this.pending.get(key);
    if (held === undefined && this.pending.size >= MAX_PENDING) {
      const [oldest] = this.pending.keys();
      this.pending.delete(oldest);
      this.log.error(
        { previewId: oldest.split(' ')[0] },
        'traffic of a preview was lost before it was recorded',
      );
    }
    this.pending.set(key, held === undefined ? draftOf(counted, minute) : sum(held, counted));
  }

  private async write(): Promise<void> {
    const drafts = [...this.pending];
    for (let i = 0; i < drafts.length; i += BATCH) {
      const batch = drafts.slice(i, i + BATCH);
      // Removed first: counts that arrive meanwhile get a row of their own.
      for (const [key] of batch) this.pending.delete(key);
      try {
        await this.traffic.add(batch.map(([, draft]) => draft));
      } catch (error) {
        this.log.error({ err: error, count: drafts.length - i }, 'cannot record the traffic of previews yet');
        for (const [key, draft] of batch) {
          const later = this.pending.get(key);
          this.pending.set(key, later === undefined ? draft : sum(draft, later));
        }
        return;
      }
    }
  }
}

function draftOf(counted: RouteTraffic, minute: Date): TrafficDraft {
  const { teamId, previewId } = counted;
  return sum(
    {
      teamId,
      previewId,
      minute,
      requests: 0,
      clientErrors: 0,
      serverErrors: 0,
      edgeErrors: 0,
      bytesIn: 0,
      bytesOut: 0,
      answers: 0,
      firstByteMsSum: 0,
      firstByteMsMax: 0,
    },
    counted,
  );
}

function sum(draft: TrafficDraft, more: Omit<TrafficDraft, 'teamId' | 'previewId' | 'minute'>): TrafficDraft {
  return {
    ...draft,
    requests: draft.requests + more.requests,
    clientErrors: draft.clientErrors + more.clientErrors,
    serverErrors: draft.serverErrors + more.serverErrors,
    edgeErrors: draft.edgeErrors + more.edgeErrors,
    bytesIn: draft.bytesIn + more.bytesIn,
    bytesOut: draft.bytesOut + more.bytesOut,
    answers: draft.answers + more.answers,
    firstByteMsSum: draft.firstByteMsSum + more.firstByteMsSum,
    firstByteMsMax: Math.max(draft.firstByteMsMax, more.firstByteMsMax),
  };
}
