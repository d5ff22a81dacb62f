import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';

const HEADER = 'X-Request-Id';

/** The form of ids that edges make. Any other is not theirs, so that a client cannot choose what the logs contain. */
const OF_EDGE = /^[0-9a-f]{32}$/;

/**
 * Middleware that gives every request an id: that of the edge that it came through, or a new UUID. The response has it as
 * X-Request-Id.
 */
export function identifyRequest(request: Request, response: Response, next: NextFunction): void {
  const given = request.headers[HEADER.toLowerCase()];
  response.setHeader(HEADER, typeof given === 'string' && OF_EDGE.test(given) ? given : randomUUID());
  next();
}

/** Returns the id that `identifyRequest` set, or a new one. */
export function requestIdOf(response: Response): string {
  const id = response.getHeader(HEADER);
  return typeof id === 'string' ? id : randomUUID();
}
