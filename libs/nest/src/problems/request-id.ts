import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';

const HEADER = 'X-Request-Id';

/**
 * Middleware that gives every request a new ID (a UUID), so that a client cannot choose what the logs contain. The
 * response has it as X-Request-Id.
 */
export function identifyRequest(_request: Request, response: Response, next: NextFunction): void {
  response.setHeader(HEADER, randomUUID());
  next();
}

/** Returns the ID that `identifyRequest` set, or a new one. */
export function requestIdOf(response: Response): string {
  const id = response.getHeader(HEADER);
  return typeof id === 'string' ? id : randomUUID();
}
