import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import { networkOf, siteOf } from '@culvert/sockets';
import { RateLimiters, type RateLimiter } from '../../http/rate-limits/rate-limiters.js';

const QUARTER_SECONDS = 15 * 60;

/**
 * Limits of attempts: points in a number of seconds. `pair`: for one account from one network, so that others cannot
 * lock a person out. `account`: for one account from everywhere, against guesses from many networks. `address`: from
 * one network, for any account. `site`: the same for the larger network that one customer can have.
 */
const LIMITS = {
  password: {
    address: { points: 50, seconds: QUARTER_SECONDS },
    pair: { points: 10, seconds: QUARTER_SECONDS },
    account: { points: 100, seconds: QUARTER_SECONDS },
  },
  // For signed-in people: guesses at the sign-in must not stop them from changing their password.
  'password-change': { account: { points: 10, seconds: QUARTER_SECONDS } },
  // Limit of attempts that each send a mail.
  'password-reset': {
    address: { points: 20, seconds: QUARTER_SECONDS },
    pair: { points: 3, seconds: QUARTER_SECONDS },
    account: { points: 10, seconds: 60 * 60 },
  },
  // Codes of machines without a browser: they live for ten minutes, so this also bounds how many of one network are open.
  'device-authorization': {
    address: { points: 60, seconds: QUARTER_SECONDS },
    site: { points: 240, seconds: QUARTER_SECONDS },
  },
  // Codes that a signed-in person types. `account` is the person, whatever their session.
  'user-code': {
    address: { points: 50, seconds: QUARTER_SECONDS },
    account: { points: 10, seconds: QUARTER_SECONDS },
  },
  provider: { address: { points: 60, seconds: QUARTER_SECONDS } },
} as const;

export type Attempt = keyof typeof LIMITS;
type Kind = 'address' | 'site' | 'pair' | 'account';

/** An attempt. `account`: the account that it names, whether that exists or not. `address`: where it comes from. */
export interface Tried {
  readonly account?: string;
  readonly address?: string | null;
}

/** Slows down guessing. */
@Injectable()
export class Throttle {
  private readonly limiters = new Map<string, RateLimiter>();

  constructor(limiters: RateLimiters) {
    for (const [attempt, limits] of Object.entries(LIMITS)) {
      for (const [kind, limit] of Object.entries(limits)) {
        const name = `${attempt}:${kind}`;
        this.limiters.set(name, limiters.create(`throttle:${name}`, limit));
      }
    }
  }

  /**
   * Counts an attempt before its result is known: many at once must not all get through.
   * @throws ProblemError `too_many_attempts`, with the time to wait
   */
  async count(attempt: Attempt, tried: Tried): Promise<void> {
    // In this order, so that refused guesses from one network count little against the account.
    for (const kind of ['address', 'site', 'pair', 'account'] as const) {
      const counted = await this.limiterOf(attempt, kind)?.count(keyOf(kind, tried));
      if (counted === undefined || counted.isWithin) continue;
      throw new ProblemError('too_many_attempts', {
        detail: `try again in ${Math.ceil(counted.resetSeconds / 60)} min`,
        retryAfterSeconds: counted.resetSeconds,
      });
    }
  }

  /**
   * Records that a counted attempt succeeded: forgets those of its network, and takes it back from the other counts.
   */
  async succeed(attempt: Attempt, tried: Tried): Promise<void> {
    await this.limiterOf(attempt, 'pair')?.forget(keyOf('pair', tried));
    for (const kind of ['address', 'site', 'account'] as const)
      await this.limiterOf(attempt, kind)?.refund(keyOf(kind, tried));
  }

  /**
   * Forgets all attempts for an account from this network and in total, after its person proved who they are in another
   * way.
   */
  async forget(attempt: Attempt, tried: Tried): Promise<void> {
    for (const kind of ['pair', 'account'] as const)
      await this.limiterOf(attempt, kind)?.forget(keyOf(kind, tried));
  }

  private limiterOf(attempt: Attempt, kind: Kind): RateLimiter | undefined {
    return this.limiters.get(`${attempt}:${kind}`);
  }
}

function keyOf(kind: Kind, { account = '', address = null }: Tried): string {
  switch (kind) {
    case 'address':
      return networkOf(address);
    case 'site':
      return siteOf(address);
    case 'pair':
      return hash(`${networkOf(address)} ${account}`);
    case 'account':
      return hash(account);
    default:
      throw new Error(`unhandled kind ${String(kind satisfies never)}`);
  }
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
