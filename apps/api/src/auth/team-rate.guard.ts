import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import { SETTINGS, type Settings } from '@culvert/platform';
import type { Request, Response } from 'express';
import { RateLimiterRes } from 'rate-limiter-flexible';
import { RateLimiters, type RateLimiter } from '../rate-limits/rate-limiters.js';
import { identifiedBy } from './caller.js';

const WINDOW_SECONDS = 60;

/**
 * Keeps one team from taking the API from the others: counts what its keys and members ask for, after the guard that
 * says whose a request is. A person without a team is counted alone.
 */
@Injectable()
export class TeamRateGuard implements CanActivate {
  readonly #limiter: RateLimiter | null;
  readonly #policy: string;

  constructor(@Inject(SETTINGS) { limits }: Settings, limiters: RateLimiters) {
    const points = limits.maxApiRequestsPerTeam;
    this.#limiter =
      points === 0 ? null : limiters.create('api-requests', { points, seconds: WINDOW_SECONDS });
    this.#policy = `"team";q=${points};w=${WINDOW_SECONDS}`;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const identified = identifiedBy(context.switchToHttp().getRequest<Request>());
    const key = identified?.caller?.teamId ?? identified?.person?.user.id;
    if (this.#limiter === null || key === undefined) return true;
    const response = context.switchToHttp().getResponse<Response>();
    const { isWithin, left, resetSeconds } = await consume(this.#limiter, key);
    // draft-ietf-httpapi-ratelimit-headers
    response.setHeader('RateLimit-Policy', this.#policy);
    response.setHeader('RateLimit', `"team";r=${left};t=${resetSeconds}`);
    if (!isWithin) throw new ProblemError('too_many_requests', { retryAfterSeconds: resetSeconds });
    return true;
  }
}

async function consume(limiter: RateLimiter, key: string) {
  const { isWithin, result } = await limiter.consume(key).then(
    (counted) => ({ isWithin: true, result: counted }),
    (refusal: unknown) => {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      return { isWithin: false, result: refusal };
    },
  );
  const resetSeconds = Math.max(1, Math.ceil(result.msBeforeNext / 1000));
  return { isWithin, left: Math.max(0, result.remainingPoints), resetSeconds };
}
