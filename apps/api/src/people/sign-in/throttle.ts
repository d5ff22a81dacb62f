import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import { networkOf } from '@culvert/sockets';
import { RateLimiters, type RateLimiter } from '../../http/rate-limits/rate-limiters.js';

const QUARTER_SECONDS = 15 * 60;

/**
 * How often something may be tried, and in how many seconds. `pair`: for one account from one network, so that nobody locks
 * a person out of their account from elsewhere. `account`: for one account from everywhere, against guesses from many networks.
 * `address`: from one network, whatever it is for.
 */
const LIMITS = {
  password: {
    address: { points: 50, seconds: QUARTER_SECONDS },
    pair: { points: 10, seconds: QUARTER_SECONDS },
    account: { points: 100, seconds: QUARTER_SECONDS },
  },
  // By people who are signed in: guesses at the sign-in must not keep them from a new password.
  'password-change': { account: { points: 10, seconds: QUARTER_SECONDS } },
  // Each is a mail, too.
  'password-reset': {
    address: { points: 20, seconds: QUARTER_SECONDS },
    pair: { points: 3, seconds: QUARTER_SECONDS },
    account: { points: 10, seconds: 60 * 60 },
  },
  provider: { address: { points: 60, seconds: QUARTER_SECONDS } },
} as const;

export type Attempt = keyof typeof LIMITS;
type Kind = 'address' | 'pair' | 'account';

/** What is tried. `account`: what it is tried for, whether that exists or not. `address`: where it comes from. */
export interface Tried {
  readonly account?: string;
  readonly address?: string | null;
}

/** Slows down who guesses. */
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
   * Counts an attempt, before it is known to fail: many at once must not all get through.
   * @throws ProblemError `too_many_attempts`, with when to come back
   */
  async count(attempt: Attempt, tried: Tried): Promise<void> {
    // In this order, so that refused guesses from one network count little against the account.
    for (const kind of ['address', 'pair', 'account'] as const) {
      const counted = await this.limiterOf(attempt, kind)?.count(keyOf(kind, tried));
      if (counted === undefined || counted.isWithin) continue;
      throw new ProblemError('too_many_attempts', {
        detail: `try again in ${Math.ceil(counted.resetSeconds / 60)} min`,
        retryAfterSeconds: counted.resetSeconds,
      });
    }
  }

  /** An attempt that was counted did not fail: forgets those of its network, and takes itself back from the other counts. */
  async succeed(attempt: Attempt, tried: Tried): Promise<void> {
    await this.limiterOf(attempt, 'pair')?.forget(keyOf('pair', tried));
    for (const kind of ['address', 'account'] as const)
      await this.limiterOf(attempt, kind)?.refund(keyOf(kind, tried));
  }

  /** Forgets all attempts for an account from this network and in total: its person proved in another way who they are. */
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
