import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import { LOG, SETTINGS, type Settings } from '@culvert/platform';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';

/** How often something may be tried for one account, and from one address, in a quarter of an hour. */
const LIMITS = {
  password: { account: 10, address: 50 },
  'password-reset': { account: 3, address: 20 },
  provider: { address: 60 },
} as const;
const WINDOW_SECONDS = 15 * 60;

export type Attempt = keyof typeof LIMITS;

/**
 * Slows down who guesses. Counts in Redis when there is one, so that all processes count together; while Redis
 * does not answer, and without one, in this process.
 */
@Injectable()
export class Throttle implements OnApplicationShutdown {
  readonly #redis: Redis | null;
  readonly #limiters = new Map<string, RateLimiterMemory | RateLimiterRedis>();

  constructor(@Inject(SETTINGS) { redisUrl }: Settings, @Inject(LOG) log: Logger) {
    this.#redis = redisUrl === undefined ? null : connect(redisUrl, log);
    for (const [attempt, limits] of Object.entries(LIMITS)) {
      for (const [kind, points] of Object.entries(limits)) {
        this.#limiters.set(`${attempt}:${kind}`, this.#limiter(`${attempt}:${kind}`, points));
      }
    }
  }

  onApplicationShutdown(): void {
    this.#redis?.disconnect();
  }

  /**
   * Counts an attempt, before it is known to fail: many at once must not all get through.
   * @param account what it is tried for, whether that exists or not
   * @throws ProblemError `too_many_attempts`, with when to come back
   */
  async count(attempt: Attempt, tried: { account?: string; address: string | null }): Promise<void> {
    await this.#consume(`${attempt}:address`, networkOf(tried.address));
    if (tried.account !== undefined) await this.#consume(`${attempt}:account`, keyOf(tried.account));
  }

  /** Forgets the attempts for an account: its person came in. */
  async forget(attempt: Attempt, account: string): Promise<void> {
    await this.#limiters.get(`${attempt}:account`)?.delete(keyOf(account));
  }

  async #consume(limit: string, key: string): Promise<void> {
    try {
      await this.#limiters.get(limit)?.consume(key);
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      const retryAfterSeconds = Math.max(1, Math.ceil(refusal.msBeforeNext / 1000));
      throw new ProblemError('too_many_attempts', {
        detail: `try again in ${Math.ceil(retryAfterSeconds / 60)} min`,
        retryAfterSeconds,
      });
    }
  }

  #limiter(name: string, points: number): RateLimiterMemory | RateLimiterRedis {
    const options = { keyPrefix: `culvert:throttle:${name}`, points, duration: WINDOW_SECONDS };
    const memory = new RateLimiterMemory(options);
    if (this.#redis === null) return memory;
    return new RateLimiterRedis({ ...options, storeClient: this.#redis, insuranceLimiter: memory });
  }
}

/** Commands fail at once while there is no connection: then this process counts by itself. */
function connect(redisUrl: string, log: Logger): Redis {
  const redis = new Redis(redisUrl, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: 1000,
  });
  redis.on('error', (error) => log.debug({ err: error }, 'throttle without Redis'));
  return redis;
}

function keyOf(account: string): string {
  return createHash('sha256').update(account).digest('base64url');
}

/** Of IPv6 the /64, which is what one customer gets at least. */
function networkOf(address: string | null): string {
  if (address === null || !isIPv6(address)) return address ?? 'unknown';
  const [head = '', tail] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array<string>(Math.max(0, zeros)).fill('0'), ...after].slice(0, 4).join(':');
}
