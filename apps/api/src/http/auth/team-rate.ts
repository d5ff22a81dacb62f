import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS } from '@culvert/nest';
import type { Settings } from '@culvert/runtime';
import { RateLimiters, type Count, type RateLimiter } from '../rate-limits/rate-limiters.js';

const WINDOW_SECONDS = 60;

/** Counts what the keys and members of one team ask for, so that it does not take the API from the others. */
@Injectable()
export class TeamRate {
  /** As the header RateLimit-Policy says it. */
  readonly policy: string;
  private readonly limiter: RateLimiter | null;

  constructor(@Inject(SETTINGS) { limits }: Settings, limiters: RateLimiters) {
    const points = limits.maxApiRequestsPerTeam;
    this.limiter = points === 0 ? null : limiters.create('api-requests', { points, seconds: WINDOW_SECONDS });
    this.policy = `"team";q=${points};w=${WINDOW_SECONDS}`;
  }

  /**
   * Null when there is no limit.
   * @param id of the team, or of a person who is in none
   */
  async count(id: string): Promise<Count | null> {
    return this.limiter === null ? null : this.limiter.count(id);
  }
}
