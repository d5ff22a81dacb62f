/** What happens to exchanges when their relay stops. */
import type { RequestHead } from '@culvert/http1';
import type { RelayError } from '../answers/relay-error.js';
import { shuttingDown, stopped } from './exchange-errors.js';
import { type ExchangeState, isWaiting } from './exchange-state.js';
import { isRepeatable } from './repeatable.js';
import type { ResponseTransfer } from './response-transfer.js';

/** An exchange, as far as its end depends on it. */
export interface StoppedExchange {
  readonly request: RequestHead;
  readonly state: ExchangeState;
  readonly upstream: ResponseTransfer | null;
  failWith(error: RelayError): void;
}

/** Ends an exchange that waits for a stream: no other traffic manager will connect. */
export function refuseWaiting(exchange: StoppedExchange): void {
  if (isWaiting(exchange.state)) exchange.failWith(shuttingDown());
}

/** Ends an exchange in any state: with an error, with a response that breaks off, or with close frames of its WebSocket. */
export function stopExchange(exchange: StoppedExchange): void {
  const { request, upstream } = exchange;
  const isUnanswered = upstream !== null && upstream.head === null;
  // Another edge must not be offered what the service may have begun to do.
  exchange.failWith(isUnanswered && !isRepeatable(request) ? stopped() : shuttingDown());
}
