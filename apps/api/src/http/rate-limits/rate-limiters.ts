import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { LOG, SETTINGS } from '@culvert/nest';
import type { Settings } from '@culvert/runtime';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';

/** What came of counting something. */
export interface Count {
  readonly isWithin: boolean;
  /** How often it may still happen. */
  readonly left: number;
  /** Until counting begins anew; at least 1. */
  readonly resetSeconds: number;
}

/** Counts, for each key, what may happen so often in so many seconds. */
export class RateLimiter {
  constructor(private readonly counter: RateLimiterMemory | RateLimiterRedis) {}

  async count(key: string): Promise<Count> {
    const { isWithin, result } = await this.counter.consume(key).then(
      (counted) => ({ isWithin: true, result: counted }),
      (refusal: unknown) => {
        if (!(refusal instanceof RateLimiterRes)) throw refusal;
        return { isWithin: false, result: refusal };
      },
    );
    const resetSeconds = Math.max(1, Math.ceil(result.msBeforeNext / 1000));
    return { isWithin, left: Math.max(0, result.remainingPoints), resetSeconds };
  }

  async forget(key: string): Promise<void> {
    await this.counter.delete(key);
  }

  /** Undoes one `count`. */
  async refund(key: string): Promise<void> {
    await this.counter.reward(key);
  }
}

/**
 * Makes counters of what may happen so often in so many seconds. They count in Redis when there is one, so that all
 * processes count together; while Redis does not answer, and without one, in this process.
 */
@Injectable()
export class RateLimiters implements OnApplicationShutdown {
  private readonly redis: Redis | null;

  constructor(@Inject(SETTINGS) { redisUrl }: Settings, @Inject(LOG) log: Logger) {
    this.redis = redisUrl === undefined ? null : connect(redisUrl, log);
  }

  onApplicationShutdown(): void {
    this.redis?.disconnect();
  }

  /** @param name of its own: whoever has the same counts the same */
  create(name: string, { points, seconds }: { points: number; seconds: number }): RateLimiter {
    const options = { keyPrefix: `culvert:${name}`, points, duration: seconds };
    const memory = new RateLimiterMemory(options);
    if (this.redis === null) return new RateLimiter(memory);
    return new RateLimiter(
      new RateLimiterRedis({ ...options, storeClient: this.redis, insuranceLimiter: memory }),
    );
  }
}

/** Commands fail at once while there is no connection: then this process counts by itself. */
function connect(redisUrl: string, log: Logger): Redis {
  const redis = new Redis(redisUrl, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: 1000,
  });
  redis.on('error', (error) => log.debug({ err: error }, 'rate limits without Redis'));
  return redis;
}
