import { randomUUID } from 'node:crypto';
import type { EventBus, Listening } from '@culvert/events';

const TOPIC = 'event-streams';

/** Times of sharing, in milliseconds. */
export interface StreamCountTimes {
  /** Shortest time between two messages of one process. */
  readonly shareMs: number;
  /** How often a process repeats its counts when nothing changes. */
  readonly repeatMs: number;
  /** Age at which the counts of a process that fell silent are forgotten. */
  readonly forgetMs: number;
}

const TIMES: StreamCountTimes = { shareMs: 500, repeatMs: 10_000, forgetMs: 30_000 };

/** Counts below this are too far from any limit to be shared. */
const MIN_SHARED = 2;
/** Counts in one message. */
const MAX_SHARED = 20_000;
const MAX_MESSAGE_LENGTH = 4 * 1024 * 1024;
/** Processes whose counts are kept. */
const MAX_PROCESSES = 1000;

/** What another process has reported. */
interface Reported {
  readonly counts: ReadonlyMap<string, number>;
  readonly at: number;
}

/**
 * How many event streams each person, key and team has open, in all API processes together. The processes tell each other
 * their counts twice a second while they change, so streams that open within that time may exceed a limit. Without
 * messages of the others, as while Redis is away, a process counts alone.
 */
export class StreamCounts {
  private readonly own = new Map<string, number>();
  private readonly elsewhere = new Map<string, Reported>();
  private readonly processId = randomUUID();
  private readonly listening: Listening;
  private readonly repeat: NodeJS.Timeout;
  private soon: NodeJS.Timeout | null = null;

  constructor(
    private readonly bus: Pick<EventBus, 'listen' | 'send'>,
    private readonly times: StreamCountTimes = TIMES,
  ) {
    this.listening = bus.listen(TOPIC, (message) => this.handle(message));
    this.repeat = setInterval(() => this.share(), times.repeatMs).unref();
  }

  /** Returns how many streams `key` has in all processes, as far as this one knows. */
  of(key: string): number {
    let count = this.own.get(key) ?? 0;
    const oldest = performance.now() - this.times.forgetMs;
    for (const [process, { counts, at }] of this.elsewhere) {
      if (at < oldest) this.elsewhere.delete(process);
      else count += counts.get(key) ?? 0;
    }
    return count;
  }

  add(key: string): void {
    this.own.set(key, (this.own.get(key) ?? 0) + 1);
    this.shareSoon();
  }

  remove(key: string): void {
    const left = (this.own.get(key) ?? 0) - 1;
    if (left > 0) this.own.set(key, left);
    else this.own.delete(key);
    this.shareSoon();
  }

  /** Tells the other processes that this one has no streams any longer, and stops. */
  close(): void {
    if (this.soon !== null) clearTimeout(this.soon);
    clearInterval(this.repeat);
    this.own.clear();
    this.share();
    this.listening.stop();
  }

  private shareSoon(): void {
    this.soon ??= setTimeout(() => {
      this.soon = null;
      this.share();
    }, this.times.shareMs).unref();
  }

  private share(): void {
    const counts = [...this.own].filter(([, count]) => count >= MIN_SHARED).slice(0, MAX_SHARED);
    this.bus.send(TOPIC, JSON.stringify({ process: this.processId, counts }));
  }

  /** Messages that are malformed are ignored: the limits then hold for each process. */
  private handle(message: string): void {
    const reported = parse(message);
    if (reported === null || reported.process === this.processId) return;
    this.elsewhere.delete(reported.process);
    if (reported.counts.size > 0 && this.elsewhere.size < MAX_PROCESSES)
      this.elsewhere.set(reported.process, { counts: reported.counts, at: performance.now() });
  }
}

function parse(message: string): { process: string; counts: Map<string, number> } | null {
  if (message.length > MAX_MESSAGE_LENGTH) return null;
  try {
    const { process, counts } = JSON.parse(message) as { process?: unknown; counts?: unknown };
    if (typeof process !== 'string' || !Array.isArray(counts) || counts.length > MAX_SHARED) return null;
    const byKey = new Map<string, number>();
    for (const entry of counts as unknown[]) {
      if (!Array.isArray(entry)) return null;
      const [key, count] = entry as unknown[];
      if (typeof key === 'string' && Number.isSafeInteger(count) && (count as number) > 0)
        byKey.set(key, count as number);
    }
    return { process, counts: byKey };
  } catch {
    return null;
  }
}
