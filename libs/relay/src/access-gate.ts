import type { RequestHead } from '@culvert/http1';
import type { RelayErrorCode } from './relay-error.js';
import type { Route } from './route.js';

/** 'allow', or the error to answer with. */
export type Verdict = 'allow' | Extract<RelayErrorCode, 'access_denied' | 'unknown_host'>;

/** Decides who may open a preview. Answers at once where it can: public previews must not cost a promise. */
export interface AccessGate {
  check(route: Route, request: RequestHead): Verdict | Promise<Verdict>;
}
