import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import { networkOf } from '../rate-limits/network-of.js';
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
    await this.#limiters.get(`${attempt}:account`)?.forget(keyOf(account));
  }

  async #consume(limit: string, key: string): Promise<void> {
    const counted = await this.#limiters.get(limit)?.count(key);
    if (counted === undefined || counted.isWithin) return;
    throw new ProblemError('too_many_attempts', {
      detail: `try again in ${Math.ceil(counted.resetSeconds / 60)} min`,
      retryAfterSeconds: counted.resetSeconds,
    });
  }
}

function keyOf(account: string): string {
  return createHash('sha256').update(account).digest('base64url');
}
