import { Injectable } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import { networkOf } from '@culvert/sockets';
import type { NextFunction, Request, Response } from 'express';
import { clientAddress } from '../client-address.js';
import { operationOf } from '../operation-of.js';
import { RateLimiters, type RateLimiter } from '../rate-limits/rate-limiters.js';
import { AuthenticationService } from './authentication.service.js';

/** Bytes of a body that are read before the caller is known. */
export const MAX_ANONYMOUS_BODY_BYTES = 16 * 1024;

/** Long bodies from one network whose credential was no good, in a minute. */
const MAX_REFUSALS = 60;
const WINDOW_SECONDS = 60;

/**
 * Finds out who sends a long body before any of it is read: to parse one takes far longer than to look up a key. The guard
 * judges the request again, with what its route requires.
 */
@Injectable()
export class BodyGate {
  private readonly refusals: RateLimiter;
  private readonly admitted = new WeakSet<Request>();

  constructor(
    private readonly authentication: AuthenticationService,
    limiters: RateLimiters,
  ) {
    this.refusals = limiters.create('long-bodies', { points: MAX_REFUSALS, seconds: WINDOW_SECONDS });
  }

  /** Middleware for before bodies are read. Forms need none: no page takes one that is longer than anybody may send. */
  readonly check = async (request: Request, _response: Response, next: NextFunction): Promise<void> => {
    if (mayBeLong(request) && request.is('json') === 'json') await this.admit(request);
    next();
  };

  /** Whether it is known who sends `request`, so that a long body may be read. */
  isAdmitted(request: Request): boolean {
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
    // Counted first, so that many at once do not all get through; what is admitted does not count.
    const { isWithin, resetSeconds } = await this.refusals.count(network);
    if (!isWithin) {
      throw new ProblemError('too_many_attempts', {
        detail: `from this address; try again in ${resetSeconds} s`,
        retryAfterSeconds: resetSeconds,
      });
    }
    if ((await this.authentication.identify(request)) === null) throw new ProblemError('unauthenticated');
    await this.refusals.refund(network);
    this.admitted.add(request);
  }
}

/** Whether the body is longer than what is read of anybody, or may be: a chunked one does not say. */
function mayBeLong(request: Request): boolean {
  return request.headers['transfer-encoding'] !== undefined || isAnnouncedLong(request);
}

function isAnnouncedLong({ headers }: Request): boolean {
  return Number(headers['content-length'] ?? 0) > MAX_ANONYMOUS_BODY_BYTES;
}
