import { Catch, HttpException, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { ProblemError, toProblem, type ErrorCode } from '@culvert/contract';
import {
  InvalidCursorError,
  InvalidTextError,
  STORE_RETRY_SECONDS,
  StoreUnavailableError,
} from '@culvert/domain';
import type { Request, Response } from 'express';
import type { Logger } from 'pino';
import { LOG } from '../logger.module.js';
import { allowedMethods } from './allowed-methods.js';
import { problemFormOf } from './problem-form.js';
import { requestIdOf } from './request-id.js';

/**
 * Answers every error from the closed catalog, as problem+json (RFC 9457) unless the request has another form. Other
 * errors become `internal_error`: their text goes to the log, under the request ID that the client gets, but not into
 * the response.
 */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(@Inject(LOG) private readonly log: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    const requestId = requestIdOf(response);
    const allowed =
      error instanceof HttpException && error.getStatus() === 404 ? allowedMethods(request) : [];
    const translated = translate(error, allowed);
    const problem = toProblem(translated, requestId);

    if (problem.code === 'internal_error') {
      this.log.error({ err: error, requestId, method: request.method, path: request.path }, 'request failed');
    }
    if (response.headersSent) {
      // A part of the response was sent: closing the connection is the only way to show that it is incomplete.
      response.destroy();
      return;
    }
    if (problem.status === 401) response.setHeader('WWW-Authenticate', 'Bearer realm="culvert"');
    if (translated.retryAfterSeconds !== undefined)
      response.setHeader('Retry-After', translated.retryAfterSeconds);
    if (problem.status === 405) response.setHeader('Allow', allowed.join(', '));
    const { type, body, status = problem.status } = problemFormOf(response)(problem);
    // As a buffer: Express adds a charset parameter to strings, which JSON does not have.
    response.status(status).type(type).send(Buffer.from(body));
  }
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  413: 'payload_too_large',
  415: 'unsupported_media_type',
};

/**
 * Translates the store's errors about input, and Nest's and Express's: bodies and URLs that cannot be read, and unknown
 * routes.
 */
function translate(error: unknown, allowed: readonly string[]): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof InvalidCursorError) {
    return new ProblemError('validation_failed', {
      errors: [{ pointer: '/cursor', message: 'must be the nextCursor of a page of this list' }],
      cause: error,
    });
  }
  if (error instanceof StoreUnavailableError) {
    return new ProblemError('store_unavailable', { retryAfterSeconds: STORE_RETRY_SECONDS, cause: error });
  }
  if (error instanceof InvalidTextError) {
    return new ProblemError('validation_failed', {
      detail: 'a text contains characters that cannot be stored',
      cause: error,
    });
  }
  if (!(error instanceof HttpException) || error.getStatus() >= 500) {
    return new ProblemError('internal_error', { cause: error });
  }
  if (error.getStatus() === 404) {
    if (allowed.length === 0) return new ProblemError('route_not_found');
    return new ProblemError('method_not_allowed', { detail: `this path allows ${allowed.join(', ')}` });
  }
  return new ProblemError(CODES[error.getStatus()] ?? 'malformed_request', { cause: error });
}
