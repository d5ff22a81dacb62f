import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { Injectable } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import { RateLimiterRes } from 'rate-limiter-flexible';
import { RateLimiters, type RateLimiter } from '../rate-limits/rate-limiters.js';

/** How often something may be tried for one account, and from one address, in a quarter of an hour. */
const LIMITS = {
  password: { account: 10, address: 50 },
  'password-reset': { account: 3, address: 20 },
  provider: { address: 60 },
} as const;
const WINDOW_SECONDS = 15 * 60;

export type Attempt = keyof typeof LIMITS;

/** Slows down who guesses. */
@Injectable()
export class Throttle {
  readonly #limiters = new Map<string, RateLimiter>();

  constructor(limiters: RateLimiters) {
    for (const [attempt, limits] of Object.entries(LIMITS)) {
      for (const [kind, points] of Object.entries(limits)) {
        const name = `${attempt}:${kind}`;
        this.#limiters.set(name, limiters.create(`throttle:${name}`, { points, seconds: WINDOW_SECONDS }));
      }
    }
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
