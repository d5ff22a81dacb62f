import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS } from '@culvert/nest';
import type { Settings } from '@culvert/runtime';
import { RateLimiters, type Count, type RateLimiter } from '../rate-limits/rate-limiters.js';

const WINDOW_SECONDS = 60;

/** Counts the requests of the keys and members of one team, so that it cannot use up the API for others. */
@Injectable()
export class TeamRate {
  /** Value of the header RateLimit-Policy. */
  readonly policy: string;
  private readonly limiter: RateLimiter | null;

  constructor(@Inject(SETTINGS) { limits }: Settings, limiters: RateLimiters) {
    const points = limits.maxApiRequestsPerTeam;
    this.limiter = points === 0 ? null : limiters.create('api-requests', { points, seconds: WINDOW_SECONDS });
    this.policy = `"team";q=${points};w=${WINDOW_SECONDS}`;
  }

  /**
   * Counts a request. Null if there is no limit.
   * @param id of the team, or of a person without a team
   */
  async count(id: string): Promise<Count | null> {
    return this.limiter === null ? null : this.limiter.count(id);
  }
}
