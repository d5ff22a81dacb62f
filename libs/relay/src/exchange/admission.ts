import type { RequestHead } from '@culvert/http1';
import type { RelayError } from '../answers/relay-error.js';
import { isInCircles } from '../routing/hop-mark.js';
import type { Route } from '../routing/route.js';
import { isRefusedUpgrade } from '../routing/upgrade.js';
import type { ExchangeTrace } from './exchange-trace.js';
import type { ExchangeHost } from './host.js';
import { denial, denialOf, tooManyRequests } from './refusals.js';
import type { Visitor } from './visitor.js';

/**
 * Returns why a request that the gate let in must not be forwarded, or null when it may. A request that may takes one from
 * the budget of its team; a request that anything else refuses takes nothing.
 */
export function refusalOf(request: RequestHead, route: Route, host: ExchangeHost): RelayError | null {
  if (route.hopMark !== '' && isInCircles(request, route.hopMark)) return denial('loop_detected');
  if (isRefusedUpgrade(request, route)) return denial('upgrade_not_allowed');
  if (route.active >= host.limits.maxRequestsPerPreview) return tooManyRequests();
  const budget = route.budget ?? host.noteUse(route);
  return budget === null || budget.take(host.clock.now) ? null : budget.refusal();
}

/** What decides whether a request is let in. */
interface Admitted {
  readonly request: RequestHead;
  readonly hostname: string;
  readonly visitor: Visitor;
  readonly startedAt: number;
}

/**
 * Returns why an exchange that was let in would not be let in now, or null when it would.
 * @param route what its hostname stands for now; null: nothing
 */
export async function lostAccess(
  { request, hostname, visitor }: Admitted,
  route: Route | null,
  host: ExchangeHost,
): Promise<RelayError | null> {
  if (route?.kind === 'app') return null;
  try {
    const live = route !== null && route.expiresAt > Date.now() ? route : null;
    // Replays carry no credentials; the API has already authorized them.
    const verdict =
      visitor.replay === undefined ? await host.gate.check(live, request, hostname, visitor.peer) : 'allow';
    if (live === null || verdict !== 'allow') return denialOf(verdict);
    return isRefusedUpgrade(request, live) ? denial('upgrade_not_allowed') : null;
  } catch {
    return denial('access_denied');
  }
}

/** Begins the trace of an exchange that was let in to `route`. Returns null where nobody watches the preview. */
export function beginTrace(
  { request, visitor, startedAt }: Admitted,
  route: Route,
  host: ExchangeHost,
): ExchangeTrace | null {
  const observer = host.observers.get(route.id);
  if (observer === undefined) return null;
  const { peer, replay = null } = visitor;
  const httpVersion = visitor.isHttp2 ? '2' : request.minorVersion === 0 ? '1.0' : '1.1';
  return observer.begin({ request, peer, replay, httpVersion, startedAt });
}
