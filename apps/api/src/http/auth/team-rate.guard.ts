import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import type { Request, Response } from 'express';
import { ApiMeasures } from '../measures/api-measures.js';
import { identifiedBy } from './caller.js';
import { TeamRate } from './team-rate.js';

/**
 * Refuses requests beyond the rate of a team, after the guard that identifies the team. A person without a team is
 * counted alone.
 */
@Injectable()
export class TeamRateGuard implements CanActivate {
  constructor(
    private readonly rate: TeamRate,
    private readonly measures: ApiMeasures,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const identified = identifiedBy(context.switchToHttp().getRequest<Request>());
    const id = identified?.caller?.teamId ?? identified?.person?.user.id;
    const counted = id === undefined ? null : await this.rate.count(id);
    if (counted === null) return true;
    const { isWithin, left, resetSeconds } = counted;
    const response = context.switchToHttp().getResponse<Response>();
    // draft-ietf-httpapi-ratelimit-headers
    response.setHeader('RateLimit-Policy', this.rate.policy);
    response.setHeader('RateLimit', `"team";r=${left};t=${resetSeconds}`);
    if (!isWithin) {
      this.measures.countRateLimit('team');
      throw new ProblemError('too_many_requests', { retryAfterSeconds: resetSeconds });
    }
    return true;
  }
}
