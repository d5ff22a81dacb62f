import { requestIdOf } from '@culvert/nest';
import type { NextFunction, Request, Response } from 'express';
import type { Logger } from 'pino';
import { clientAddress } from './client-address.js';

/** Middleware that logs a line per request, with the path but not the query, which may contain secrets. */
export function logRequests(log: Logger) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const start = performance.now();
    response.once('close', () => {
      log.info(
        {
          requestId: requestIdOf(response),
          method: request.method,
          path: request.path,
          status: response.statusCode,
          isComplete: response.writableFinished,
          durationMs: Math.round(performance.now() - start),
          address: clientAddress(request),
        },
        'request',
      );
    });
    next();
  };
}
