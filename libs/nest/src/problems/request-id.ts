import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';

const HEADER = 'X-Request-Id';

/**
 * Middleware that gives every request an id of our own making (a UUID), so that a client cannot choose what the
 * logs say. The answer carries it as X-Request-Id.
 */
export function identifyRequest(_request: Request, response: Response, next: NextFunction): void {
  response.setHeader(HEADER, randomUUID());
  next();
}

/** The id that `identifyRequest` gave, or a new one. */
export function requestIdOf(response: Response): string {
  const id = response.getHeader(HEADER);
  return typeof id === 'string' ? id : randomUUID();
}
