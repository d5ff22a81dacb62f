import { ProblemError } from '@culvert/contract';
import type { NextFunction, Request, Response } from 'express';

/**
 * Refuses bodies of other media types. The parser would not read them, and a form that another site posts (which needs
 * no permission from us, unlike JSON) must not count as an empty body. Pages accept forms, but only from our own pages,
 * which the guard checks.
 */
export function requireJson(request: Request, _response: Response, next: NextFunction): void {
  const isEmpty = request.headers['content-length'] === '0';
  // Null: there is no body.
  const types = /^\/api\//i.test(request.path) ? ['json'] : ['json', 'urlencoded'];
  if (!isEmpty && request.is(types) === false) next(new ProblemError('unsupported_media_type'));
  else next();
}
