import type { RequestHead } from '@culvert/http1';
import type { GateAnswer } from '../answers/gate-answer.js';
import type { RelayErrorCode } from '../answers/relay-error.js';
import type { Route } from './route.js';

/** 'allow', or what to answer with. */
export type Verdict =
  | 'allow'
  | Extract<RelayErrorCode, 'access_denied' | 'unknown_host' | 'cross_site_request'>
  | GateAnswer;

/** Decides who may open a preview. Answers at once where it can: public previews must not cost a promise. */
export interface AccessGate {
  /**
   * @param route null when nothing lives at `hostname`, which strangers must not be able to tell from a private
   *   preview; 'allow' is then as good as 'unknown_host'
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
export const OPEN_GATE: AccessGate = { check: () => 'allow' };
