import { ProblemError } from '@culvert/contract';
import type { NextFunction, Request, Response } from 'express';

/**
 * OAuth's token endpoint takes forms (RFC 6749 §4.1.3); it knows no cookie, so a foreign page gains nothing there. So does
 * the page that asks for consent, of itself only: the guard sees to that.
 */
const FORM_PATH = /^\/(token|auth)\/?$/i;

/**
 * Refuses bodies of other media types. The parser would leave them unread, and a form that a foreign page posts
 * (which needs no permission from us, unlike JSON) must not count as an empty body.
 */
export function requireJson(request: Request, _response: Response, next: NextFunction): void {
  const isEmpty = request.headers['content-length'] === '0';
  const takesForm = FORM_PATH.test(request.path) && request.is('urlencoded') !== false;
  // Null: there is no body at all.
  if (!isEmpty && !takesForm && request.is('application/json') === false)
    next(new ProblemError('unsupported_media_type'));
  else next();
}
