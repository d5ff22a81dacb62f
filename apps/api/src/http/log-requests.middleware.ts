import { requestIdOf } from '@culvert/nest';
import type { NextFunction, Request, Response } from 'express';
import type { Logger } from 'pino';
import { clientAddress } from './client-address.js';
import type { ApiMeasures } from './measures/api-measures.js';
import { operationOf } from './operation-of.js';

/** Middleware that counts each request and logs a line, with the path but not the query, which may contain secrets. */
export function logRequests(log: Logger, measures: ApiMeasures) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const start = performance.now();
    // Later middleware may change the path.
    const operation = operationOf(request)?.id;
    response.once('close', () => {
      const durationMs = performance.now() - start;
      const isStream = String(response.getHeader('content-type') ?? '').startsWith('text/event-stream');
      measures.countRequest(
        operation,
        response.headersSent ? response.statusCode : 0,
        isStream ? null : durationMs,
      );
      log.info(
        {
          requestId: requestIdOf(response),
          method: request.method,
          path: request.path,
          status: response.statusCode,
          isComplete: response.writableFinished,
          durationMs: Math.round(durationMs),
          address: clientAddress(request),
        },
        'request',
      );
    });
    next();
  };
}
