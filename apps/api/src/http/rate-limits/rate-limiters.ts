import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { LOG, SETTINGS } from '@culvert/nest';
import { connectRedisData, type RedisData } from '@culvert/redis';
import type { Settings } from '@culvert/runtime';
import type { Logger } from 'pino';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';

/** The result of counting. */
export interface Count {
  readonly isWithin: boolean;
  /** Number of times that are left. */
  readonly left: number;
  /** Seconds until the count starts again; at least 1. */
  readonly resetSeconds: number;
}

/** Counts events by key, with a limit in a period of seconds. */
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
 * Creates rate limiters. They count in Redis if it is configured, so that all processes count together; without Redis,
 * or while it does not answer, they count in this process.
 */
@Injectable()
export class RateLimiters implements OnApplicationShutdown {
  private readonly redis: RedisData | null;

  constructor(@Inject(SETTINGS) { redisUrl }: Settings, @Inject(LOG) log: Logger) {
    this.redis = redisUrl === undefined ? null : connect(redisUrl, log);
  }

  onApplicationShutdown(): void {
    this.redis?.disconnect();
  }

  /** @param name name of the limiter: limiters with the same name share their counts */
  create(name: string, { points, seconds }: { points: number; seconds: number }): RateLimiter {
    const options = { keyPrefix: `culvert:${name}`, points, duration: seconds };
    const memory = new RateLimiterMemory(options);
    if (this.redis === null) return new RateLimiter(memory);
    return new RateLimiter(
      new RateLimiterRedis({ ...options, storeClient: this.redis, insuranceLimiter: memory }),
    );
  }
}

/** Connects. Commands fail at once while there is no connection, and this process then counts by itself. */
function connect(redisUrl: string, log: Logger): RedisData {
  const onError = (error: unknown) =>
    log.debug({ err: error }, 'Redis does not work: rate limits count in this process');
  return connectRedisData(redisUrl, onError, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: 1000,
  });
}
