/** Decides whether an exchange is let in, and whether it may stay. */
import type { RequestHead } from '@culvert/http1';
import { redirectToPlainHost } from '../answers/final-dot.js';
import type { OwnAnswer } from '../answers/own-answer.js';
import type { RelayError } from '../answers/relay-error.js';
import type { RelayLimits } from '../limits.js';
import { ALLOW, type Verdict } from '../routing/access-gate.js';
import { isInCircles } from '../routing/hop-mark.js';
import type { Route } from '../routing/route.js';
import { isRefusedUpgrade } from '../routing/upgrade.js';
import { denial, tooManyRequests } from './exchange-errors.js';
import type { ExchangeRecord } from './exchange-record.js';
import { ExchangeState as State } from './exchange-state.js';
import type { ExchangeTrace } from './exchange-trace.js';
import type { ExchangeHost } from './host.js';
import { tooLarge } from './request-transfer.js';
import type { Requester } from './requester.js';

/** An exchange, as far as its admission depends on it. */
export interface Applicant {
  readonly request: RequestHead;
  readonly hostname: string;
  readonly requester: Requester;
  readonly record: ExchangeRecord;
  readonly state: State;
  /** The gate lets the exchange in to `route`. */
  enter(route: Route): void;
  /** Ends the exchange with an error. */
  failWith(cause: unknown): void;
  /** Ends the exchange with an answer of Culvert's own that is not an error. */
  answerWith(answer: OwnAnswer): void;
}

/** Finds the route of `applicant` and asks the gate. Makes no promise where both know the answer at once. */
export function seekAdmission(applicant: Applicant, host: ExchangeHost): void {
  const { request, hostname } = applicant;
  const fault = tooLargeBody(request, host);
  if (fault !== null) {
    applicant.failWith(fault);
    return;
  }
  const redirect = request.hasFinalDot ? redirectToPlainHost(request) : null;
  if (redirect !== null) {
    applicant.answerWith(redirect);
    return;
  }
  const found = host.routes.find(hostname, request);
  if (found instanceof Promise) {
    found.then(
      (route) => askGate(applicant, route, host),
      (error: unknown) => applicant.failWith(error),
    );
  } else {
    askGate(applicant, found, host);
  }
}

/** Lets `applicant` in to `route`, unless the route has expired. For a request that another process has already admitted. */
export function admitTo(applicant: Applicant, route: Route, host: ExchangeHost): void {
  const fault =
    tooLargeBody(applicant.request, host) ??
    (route.expiresAt <= Date.now() ? denial('preview_expired') : null);
  if (fault === null) applicant.enter(route);
  else applicant.failWith(fault);
}

function tooLargeBody(request: RequestHead, { limits }: ExchangeHost): RelayError | null {
  const { maxBodyBytes } = limits;
  return maxBodyBytes > 0 && request.contentLength > maxBodyBytes ? tooLarge(maxBodyBytes) : null;
}

function askGate(applicant: Applicant, route: Route | null, host: ExchangeHost): void {
  if (applicant.state === State.DONE) return;
  let live = route;
  if (route !== null && route.expiresAt <= Date.now()) {
    // Anyone who knows the name of a public preview may learn that it existed.
    if (route.access === 'public') {
      applicant.failWith(denial('preview_expired'));
      return;
    }
    live = null;
  }
  const { request, hostname, requester } = applicant;
  const verdict = host.gate.check(live, request, hostname, requester.peer);
  if (verdict instanceof Promise) {
    verdict.then(
      (answer) => decide(applicant, live, answer),
      (error: unknown) => applicant.failWith(error),
    );
  } else {
    decide(applicant, live, verdict);
  }
}

function decide(applicant: Applicant, route: Route | null, verdict: Verdict): void {
  if (applicant.state === State.DONE) return;
  if (verdict.kind === 'allow' && route !== null) applicant.enter(route);
  else turnAway(applicant, verdict);
}

/** Ends an exchange that is not let in. `ALLOW` for a route that does not exist is a refusal. */
function turnAway(applicant: Applicant, verdict: Verdict): void {
  switch (verdict.kind) {
    case 'allow':
      applicant.failWith(denial('unknown_host'));
      return;
    case 'refuse':
      applicant.failWith(denial(verdict.code));
      return;
    case 'respond':
      applicant.answerWith(verdict.answer);
      return;
    default:
      throw new Error(`unhandled verdict ${String(verdict satisfies never)}`);
  }
}

/**
 * Returns why a request that the gate let in must not be forwarded, or null when it may, and counts refusals. A request that
 * may takes one from the budget of its team; a request that anything else refuses takes nothing.
 */
export function refusalOf(request: RequestHead, route: Route, host: ExchangeHost): RelayError | null {
  const refusal = faultOf(request, route, host.limits) ?? chargeBudget(route, host);
  if (refusal !== null) route.traffic.countRefused();
  return refusal;
}

function faultOf(request: RequestHead, route: Route, limits: RelayLimits): RelayError | null {
  if (route.hopMark !== '' && isInCircles(request, route.hopMark)) return denial('loop_detected');
  if (isRefusedUpgrade(request, route)) return denial('upgrade_not_allowed');
  // The application serves all signed-in people, and its event streams stay open: it has no limit like a preview.
  if (route.kind === 'app') return null;
  return route.active >= limits.maxRequestsPerPreview ? tooManyRequests() : null;
}

function chargeBudget(route: Route, host: ExchangeHost): RelayError | null {
  const budget = route.budget ?? host.noteUse(route);
  return budget === null || budget.consume(host.clock.now) ? null : budget.refusal();
}

/**
 * Ends an exchange that was let in and would not be let in now.
 * @param route current route of its hostname, or null
 */
export async function judgeAgain(
  applicant: Applicant,
  route: Route | null,
  host: ExchangeHost,
): Promise<void> {
  if (route?.kind === 'app') return;
  const { request, hostname, requester } = applicant;
  const live = route !== null && route.expiresAt > Date.now() ? route : null;
  // Replays carry no credentials; the API has already authorized them.
  let verdict = ALLOW;
  if (requester.replay === undefined) {
    try {
      verdict = await host.gate.check(live, request, hostname, requester.peer);
    } catch {
      applicant.failWith(denial('access_denied'));
      return;
    }
  }
  if (verdict.kind !== 'allow' || live === null) turnAway(applicant, verdict);
  else if (isRefusedUpgrade(request, live)) applicant.failWith(denial('upgrade_not_allowed'));
}

/** Begins the trace of an exchange that was let in to `route`. Returns null unless the preview is watched. */
export function beginTrace(
  { request, requester, record }: Applicant,
  route: Route,
  host: ExchangeHost,
): ExchangeTrace | null {
  const observer = host.observers.get(route.id);
  if (observer === undefined) return null;
  const { peer, replay = null } = requester;
  const httpVersion = requester.isHttp2 ? '2' : request.minorVersion === 0 ? '1.0' : '1.1';
  return observer.begin({ request, route, peer, replay, httpVersion, startedAt: record.startedAt });
}
