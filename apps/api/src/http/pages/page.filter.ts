import { Catch, HttpException, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { ERRORS, ProblemError, type ErrorCode } from '@culvert/contract';
import { InvalidTextError, STORE_RETRY_SECONDS, StoreUnavailableError } from '@culvert/domain';
import { LOG, requestIdOf } from '@culvert/nest';
import type { Request, Response } from 'express';
import type { Logger } from 'pino';
import { html } from './html.js';
import { Pages } from './pages.js';
import { signInPath } from './return-path.js';

/**
 * Shows errors of page routes as pages. People who are not signed in are redirected to the sign-in and return
 * afterwards. For controllers: `@UseFilters(PageFilter)`.
 */
@Catch()
export class PageFilter implements ExceptionFilter {
  constructor(
    private readonly pages: Pages,
    @Inject(LOG) private readonly log: Logger,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    const code = codeOf(error);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (code === 'unauthenticated' && request.method === 'GET') {
      response.redirect(303, signInPath(request.originalUrl));
      return;
    }
    const requestId = requestIdOf(response);
    if (code === 'internal_error') {
      this.log.error({ err: error, requestId, method: request.method, path: request.path }, 'request failed');
    }
    const { status, title, description } = ERRORS[code];
    // People know no IDs.
    const heading = code === 'not_found' ? 'Page not found' : title;
    const detail = error instanceof ProblemError ? error.detail : undefined;
    const retryAfterSeconds = retryAfterSecondsOf(error);
    if (retryAfterSeconds !== undefined) response.setHeader('Retry-After', retryAfterSeconds);
    this.pages.send(response, {
      title: heading,
      status,
      body: html`<p>${detail ?? description}</p>
        <p class="soft">Request ${requestId}</p>
        <p><a href="/">Back to Culvert</a></p>`,
    });
  }
}

function codeOf(error: unknown): ErrorCode {
  if (error instanceof ProblemError) return error.code;
  if (error instanceof StoreUnavailableError) return 'store_unavailable';
  if (error instanceof InvalidTextError) return 'validation_failed';
  if (!(error instanceof HttpException) || error.getStatus() >= 500) return 'internal_error';
  return error.getStatus() === 413 ? 'payload_too_large' : 'malformed_request';
}

function retryAfterSecondsOf(error: unknown): number | undefined {
  if (error instanceof StoreUnavailableError) return STORE_RETRY_SECONDS;
  return error instanceof ProblemError ? error.retryAfterSeconds : undefined;
}
