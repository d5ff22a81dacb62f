import type { IncomingHttpHeaders } from 'node:http';
import { ProblemError } from '@culvert/contract';

/** Form of any key: one of ours, or one that an operator chose. */
const KEY = /^[\x21-\x7e]{8,512}$/;
const BEARER = /^Bearer +(\S+) *$/i;

/** Reports whether a request has a key or token in a header, valid or not. */
export function hasApiKey(headers: IncomingHttpHeaders): boolean {
  return headers.authorization !== undefined || headers['x-ambassador-api-key'] !== undefined;
}

/**
 * Returns the API key in a request, as `Authorization: Bearer` or, as Telepresence sends it, as `X-Ambassador-Api-Key`.
 * Null if there is none, or nothing that can be one.
 * @throws ProblemError if both are present and differ: the caller must not depend on which one is read
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
