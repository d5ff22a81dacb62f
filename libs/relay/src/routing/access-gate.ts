import type { RequestHead } from '@culvert/http1';
import { OwnAnswer } from '../answers/own-answer.js';
import type { RelayErrorCode } from '../answers/relay-error.js';
import type { Route } from './route.js';

/** Errors that a gate may refuse a request with. */
export type RefusalCode = Extract<RelayErrorCode, 'access_denied' | 'unknown_host' | 'cross_site_request'>;

/** The verdict of a gate on a request: let it in, refuse it, or answer it. */
export type Verdict =
  | { readonly kind: 'allow' }
  | { readonly kind: 'refuse'; readonly code: RefusalCode }
  | { readonly kind: 'respond'; readonly answer: OwnAnswer };

/** The only verdict that lets a request in, without an allocation. */
export const ALLOW: Verdict = { kind: 'allow' };

const REFUSALS: { readonly [Code in RefusalCode]: Verdict } = {
  access_denied: { kind: 'refuse', code: 'access_denied' },
  unknown_host: { kind: 'refuse', code: 'unknown_host' },
  cross_site_request: { kind: 'refuse', code: 'cross_site_request' },
};

/** Returns the verdict that refuses with `code`: always the same object. */
export function refuse(code: RefusalCode): Verdict {
  return REFUSALS[code];
}

/** Returns the verdict that answers with a status and these header lines, each with its CRLF. */
export function respond(status: number, lines: string): Verdict {
  return { kind: 'respond', answer: new OwnAnswer(status, lines) };
}

/** Decides who may open a preview. Answers at once where it can: public previews must not cost a promise. */
export interface AccessGate {
  /**
   * @param route null when `hostname` has no route, which strangers must not be able to distinguish from a private
   *   preview; `ALLOW` then counts as a refusal with `unknown_host`
   * @param peer address of the connection's other end
   */
  check(
    route: Route | null,
    request: RequestHead,
    hostname: string,
    peer: string,
  ): Verdict | Promise<Verdict>;
}

/** Lets in each request that has a route. */
export const OPEN_GATE: AccessGate = { check: () => ALLOW };
