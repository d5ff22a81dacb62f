import { requestIdOf } from '@culvert/nest';
import type { NextFunction, Request, Response } from 'express';
import type { Logger } from 'pino';
import { clientAddress } from './client-address.js';

/** Middleware that writes a line per request. Of the URL the path only: a query may hold anything. */
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
