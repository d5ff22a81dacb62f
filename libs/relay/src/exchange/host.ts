import type { RelayError, RelayErrorCode } from '../answers/relay-error.js';
import type { Clock } from '../clock.js';
import type { RelayLimits } from '../limits.js';
import type { RelayMeasures } from '../measures.js';
import type { AccessGate } from '../routing/access-gate.js';
import type { RequestBudget } from '../routing/request-budget.js';
import type { Route } from '../routing/route.js';
import type { RouteSource } from '../routing/route-source.js';
import type { MeasuredExchange } from './exchange-record.js';
import type { ExchangeObserver } from './exchange-trace.js';
import type { EndingHost } from './web-socket-ending.js';

/** Counts since the relay was made. */
export interface RelayCounters {
  connections: number;
  exchanges: number;
  bytesIn: number;
  bytesOut: number;
  readonly failures: Partial<Record<RelayErrorCode, number>>;
}

/** What an exchange needs of its relay. */
export interface ExchangeHost extends EndingHost {
  readonly clock: Clock;
  readonly limits: RelayLimits;
  readonly routes: RouteSource;
  readonly gate: AccessGate;
  /** Observers by the ids of the previews they watch. Usually empty, which is all that an exchange checks. */
  readonly observers: ReadonlyMap<string, ExchangeObserver>;
  readonly counters: RelayCounters;
  readonly measures: RelayMeasures;
  /** Whether requests get ids, which services and visitors receive. */
  readonly hasRequestIds: boolean;
  /** Receives each exchange when it ends; absent: nothing wants them. */
  readonly handleEnd?: ((exchange: MeasuredExchange) => void) | undefined;
  /** Whether the relay stops: traffic managers no longer connect to it. */
  readonly isDraining: boolean;
  /** Returns the budget of the route's team; null for a route that is not a preview's. Once per route and `Relay.drainUsedPreviews`. */
  noteUse(route: Route): RequestBudget | null;
  /** Counts an answer that the relay made itself. */
  recordFailure(error: RelayError): void;
  /** The same for a request that could not become an exchange. @param peer address of the connection's other end */
  recordRefusal(error: RelayError, peer: string): void;
  /** An exchange is no longer being routed. Called while the relay drains. */
  handleRouted(): void;
  /** Reports an unexpected exception. */
  reportFault(error: unknown): void;
}
