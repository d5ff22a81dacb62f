import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ProblemError } from '@culvert/contract';
import { networkOf } from '@culvert/sockets';
import { SETTINGS } from '@culvert/nest';
import type { Settings } from '@culvert/runtime';
import type { Request } from 'express';
import { clientAddress } from '../client-address.js';
import { ApiMeasures } from '../measures/api-measures.js';
import { RateLimiters, type RateLimiter } from './rate-limiters.js';

/** Declares that requests of a route are counted by address: together for all routes with the same name. */
export const CountedByAddress = Reflector.createDecorator<string>();

const WINDOW_SECONDS = 60;

/**
 * Limits requests from one address to routes that cost something before the caller is known. A whole office may share
 * one address, so this only bounds floods; guessing is prevented by the length of the secrets.
 */
@Injectable()
export class AddressRateGuard implements CanActivate {
  private readonly limiter: RateLimiter | null;

  constructor(
    private readonly reflector: Reflector,
    @Inject(SETTINGS) { limits }: Settings,
    limiters: RateLimiters,
    private readonly measures: ApiMeasures,
  ) {
    const points = limits.maxLoginRequestsPerAddress;
    this.limiter =
      points === 0 ? null : limiters.create('login-requests', { points, seconds: WINDOW_SECONDS });
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    const name = this.reflector.getAllAndOverride(CountedByAddress, targets);
    if (this.limiter === null || name === undefined) return true;
    const network = networkOf(clientAddress(context.switchToHttp().getRequest<Request>()));
    const { isWithin, resetSeconds } = await this.limiter.count(`${name}:${network}`);
    if (isWithin) return true;
    this.measures.countRateLimit('address');
    throw new ProblemError('too_many_attempts', {
      detail: `the limit for this address is reached; try again in ${resetSeconds} s`,
      retryAfterSeconds: resetSeconds,
    });
  }
}
