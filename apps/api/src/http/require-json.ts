import { ProblemError } from '@culvert/contract';
import type { NextFunction, Request, Response } from 'express';

/**
 * Refuses bodies of other media types. The parser would leave them unread, and a form that a foreign page posts
 * (which needs no permission from us, unlike JSON) must not count as an empty body. Pages take forms, of our own
 * pages only: the guard sees to that.
 */
export function requireJson(request: Request, _response: Response, next: NextFunction): void {
  const isEmpty = request.headers['content-length'] === '0';
  // Null: there is no body at all.
  const types = /^\/api\//i.test(request.path) ? ['json'] : ['json', 'urlencoded'];
  if (!isEmpty && request.is(types) === false) next(new ProblemError('unsupported_media_type'));
  else next();
}
