import type { RequestHead } from '@culvert/http1';
import type { StreamHandler } from '@culvert/tunnel';
import type { Route } from '../routing/route.js';
import { upgradeOf } from '../routing/upgrade.js';
import type { PooledStream } from '../upstream/stream-pool.js';
import { type ExchangeState, isWaiting } from './exchange-state.js';
import { isRepeatable } from './repeatable.js';

/** An exchange, as far as it decides which stream it gets. It handles the events of the stream. */
export interface StreamUser extends StreamHandler {
  readonly request: RequestHead;
  readonly state: ExchangeState;
}

/**
 * Returns the stream that `user` sends its request on: an idle one of the pool, or a new one. Returns 'absent' while no traffic
 * manager is connected, and 'full' while the tunnel has no room.
 *
 * @param isFresh whether the stream must be a new one
 * @param now on the relay's clock
 */
export function openStream(
  user: StreamUser,
  route: Route,
  { isFresh }: { readonly isFresh: boolean },
  now: number,
): PooledStream | 'absent' | 'full' {
  // Waiting exchanges hold no tunnel stream. If they counted, a burst would block itself indefinitely.
  const inUse = route.active - route.waiting + (isWaiting(user.state) ? 1 : 0);
  // An upgraded stream never returns to the pool, so it must not use up an idle one that a request could use.
  return isFresh || upgradeOf(user.request, route) !== ''
    ? route.pool.dial(user, inUse)
    : route.pool.acquire(user, now, isRepeatable(user.request), inUse);
}
