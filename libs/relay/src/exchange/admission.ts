import type { RequestHead } from '@culvert/http1';
import { DENIALS } from '../answers/failures.js';
import { RelayError } from '../answers/relay-error.js';
import { isInCircles } from '../routing/hop-mark.js';
import type { Route } from '../routing/route.js';
import { isRefusedUpgrade } from '../routing/upgrade.js';
import type { ExchangeHost } from './host.js';

/**
 * Returns why a request that the gate let in must not be forwarded, or null when it may. A request that may takes one from
 * the budget of its team; a request that anything else refuses takes nothing.
 */
export function refusalOf(request: RequestHead, route: Route, host: ExchangeHost): RelayError | null {
  if (route.hopMark !== '' && isInCircles(request, route.hopMark))
    return new RelayError('loop_detected', DENIALS.loop_detected);
  if (isRefusedUpgrade(request, route))
    return new RelayError('upgrade_not_allowed', DENIALS.upgrade_not_allowed);
  if (route.active >= host.limits.maxRequestsPerPreview)
    return new RelayError('too_many_requests', 'This preview serves as many requests as it may at once.');
  const budget = route.budget ?? host.noteUse(route);
  return budget === null || budget.take(host.clock.now) ? null : budget.refusal();
}
