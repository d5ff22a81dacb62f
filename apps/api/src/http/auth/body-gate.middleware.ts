import { Injectable } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import { networkOf } from '@culvert/sockets';
import type { NextFunction, Request, Response } from 'express';
import { clientAddress } from '../client-address.js';
import { factsOf } from '../request-facts.js';
import { operationOf } from '../operation-of.js';
import { RateLimiters, type RateLimiter } from '../rate-limits/rate-limiters.js';
import { AuthenticationService } from './authentication.service.js';

/** Maximum number of bytes of a body that are read before the caller is known. */
export const MAX_ANONYMOUS_BODY_BYTES = 16 * 1024;

/** Maximum number of long bodies a minute from one network without a valid credential. */
const MAX_REFUSALS = 60;
const WINDOW_SECONDS = 60;

/**
 * Identifies the sender of a long body before it is read: parsing one takes far longer than looking up a key. The guard
 * then checks the request against the requirement of its route.
 */
@Injectable()
export class BodyGate {
  private readonly refusals: RateLimiter;
  private readonly admitted = new WeakSet<object>();

  constructor(
    private readonly authentication: AuthenticationService,
    limiters: RateLimiters,
  ) {
    this.refusals = limiters.create('long-bodies', { points: MAX_REFUSALS, seconds: WINDOW_SECONDS });
  }

  /**
   * Middleware that runs before bodies are read. Forms do not need it: they are limited to the size that anonymous
   * bodies can have.
   */
  readonly check = async (request: Request, _response: Response, next: NextFunction): Promise<void> => {
    if (mayBeLong(request) && request.is('json') === 'json') await this.admit(request);
    next();
  };

  /** Reports whether the sender of `request` is known, so that a long body can be read. */
  isAdmitted(request: object): boolean {
    return this.admitted.has(request);
  }

  private async admit(request: Request): Promise<void> {
    if (!this.authentication.hasCredential(request)) {
      const access = operationOf(request)?.access ?? 'public';
      if (access !== 'public') throw new ProblemError('unauthenticated');
      if (isAnnouncedLong(request)) throw new ProblemError('payload_too_large');
      return;
    }
    const network = networkOf(clientAddress(request));
    // Counted first, so that concurrent requests do not all get through; admitted requests are not counted.
    const { isWithin, resetSeconds } = await this.refusals.count(network);
    if (!isWithin) {
      throw new ProblemError('too_many_attempts', {
        detail: `the limit for this address is reached; try again in ${resetSeconds} s`,
        retryAfterSeconds: resetSeconds,
      });
    }
    if ((await this.authentication.identify(factsOf(request))) === null)
      throw new ProblemError('unauthenticated');
    await this.refusals.refund(network);
    this.admitted.add(request);
  }
}

/** Reports whether the body is, or may be, longer than the anonymous limit: a chunked body has no announced length. */
function mayBeLong(request: Request): boolean {
  return request.headers['transfer-encoding'] !== undefined || isAnnouncedLong(request);
}

function isAnnouncedLong({ headers }: Request): boolean {
  return Number(headers['content-length'] ?? 0) > MAX_ANONYMOUS_BODY_BYTES;
}
