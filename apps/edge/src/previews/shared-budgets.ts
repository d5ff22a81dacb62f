import { COMMAND_TIMEOUT_MS, connectRedisData, type RedisData } from '@culvert/redis';
import type { Relay } from '@culvert/relay';
import type { Logger } from 'pino';

const SHARE_MS = 1000;
const MINUTE_MS = 60_000;
/** How long Redis keeps the count of a minute: until it is no longer the previous one anywhere. */
const KEPT_SECONDS = 180;
/** An edge keeps this part of the limit to itself before it shares. */
const UNSHARED_PART = 1 / 600;

/**
 * Makes the limit of requests a minute hold for all edges together. Each edge adds what it let through to a count in
 * Redis, once a second, and lowers its own budget to what the last minute of all edges leaves. No request waits for it.
 * While Redis is away, each edge counts alone.
 */
export class SharedBudgets {
  private readonly redis: RedisData | null;
  private readonly timer: NodeJS.Timeout | null = null;
  private readonly minUnshared: number;
  private isSharing = false;

  /**
   * @param perMinute limit of each team; 0: none, so nothing is shared
   * @param shareMs interval in which counts are shared
   */
  constructor(
    private readonly relay: Pick<Relay, 'drainUnsharedRequests' | 'lowerRequestBudget'>,
    private readonly perMinute: number,
    redisUrl: string | undefined,
    log: Logger,
    shareMs = SHARE_MS,
  ) {
    this.minUnshared = Math.max(1, Math.floor(perMinute * UNSHARED_PART));
    if (redisUrl === undefined || perMinute === 0) {
      this.redis = null;
      return;
    }
    this.redis = connectRedisData(
      redisUrl,
      (error) => log.warn({ err: error }, 'Redis does not work: requests of teams are counted at each edge'),
      { enableOfflineQueue: false, commandTimeout: COMMAND_TIMEOUT_MS },
    );
    this.timer = setInterval(() => void this.share(new Date()), shareMs);
    this.timer.unref();
  }

  /** Whether counts can be shared now. */
  get isConnected(): boolean {
    return this.redis?.status === 'ready';
  }

  /** Adds what passed since the last call to the counts of all edges. Never rejects. */
  async share(at: Date): Promise<void> {
    const { redis } = this;
    // A round that waits for Redis delays the next one, which then shares more at once.
    if (redis === null || redis.status !== 'ready' || this.isSharing) return;
    this.isSharing = true;
    const work: Promise<void>[] = [];
    for (const [teamId, requests] of this.relay.drainUnsharedRequests(this.minUnshared))
      work.push(this.shareOf(redis, teamId, requests, at.getTime()));
    // What Redis did not take is not counted elsewhere: this edge still counts it.
    await Promise.allSettled(work);
    this.isSharing = false;
  }

  close(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.redis?.disconnect();
  }

  private async shareOf(redis: RedisData, teamId: string, requests: number, now: number): Promise<void> {
    const minute = Math.floor(now / MINUTE_MS);
    const [current, previous] = [keyOf(teamId, minute), keyOf(teamId, minute - 1)];
    const [added, , before] =
      (await redis.pipeline().incrby(current, requests).expire(current, KEPT_SECONDS).get(previous).exec()) ??
      [];
    if (typeof added?.[1] !== 'number') return;
    // The part of the previous minute that lies within the last 60 seconds, as if its requests were evenly spread.
    const part = 1 - (now % MINUTE_MS) / MINUTE_MS;
    const used = added[1] + Math.max(0, Number(before?.[1] ?? 0) || 0) * part;
    this.relay.lowerRequestBudget(teamId, this.perMinute - used);
  }
}

/** Both keys of a team are on one node of a cluster. */
function keyOf(teamId: string, minute: number): string {
  return `culvert:requests:{${teamId}}:${minute}`;
}
