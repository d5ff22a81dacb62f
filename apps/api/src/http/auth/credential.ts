import type { IncomingHttpHeaders } from 'node:http';
import { ProblemError } from '@culvert/contract';

/** What any key can look like: one of ours, or one that an operator chose. */
const KEY = /^[\x21-\x7e]{8,512}$/;
const BEARER = /^Bearer +(\S+) *$/i;

/** Whether a request presents a credential of its own, good or not. */
export function hasApiKey(headers: IncomingHttpHeaders): boolean {
  return headers.authorization !== undefined || headers['x-ambassador-api-key'] !== undefined;
}

/**
 * The API key that a request carries, as `Authorization: Bearer` or, as Telepresence sends it, as
 * `X-Ambassador-Api-Key`. Null when there is none, or nothing that could be one.
 * @throws ProblemError when both are there and differ: whose request it is must not depend on which is read
 */
export function readApiKey(headers: IncomingHttpHeaders): string | null {
  const { authorization, 'x-ambassador-api-key': ambassador } = headers;
  const bearer = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
  if (authorization !== undefined && ambassador !== undefined && bearer !== ambassador) {
    throw new ProblemError('credentials_conflict');
  }
  const key = bearer ?? ambassador;
  return typeof key === 'string' && KEY.test(key) ? key : null;
}
