/**
 * The figures of one exchange, for the relay's measures and for the log. Every exchange has them, so they are plain numbers;
 * `ExchangeTrace` has more, of watched exchanges only.
 */
import type { RequestHead } from '@culvert/http1';
import type { RelayError } from '../answers/relay-error.js';
import type { RelayMeasures } from '../measures.js';
import type { Route } from '../routing/route.js';
import type { ExchangeError } from './exchange-trace.js';
import type { Requester } from './requester.js';

/** An exchange, as its measures and its line in the log need it. */
export interface MeasuredExchange {
  readonly request: RequestHead;
  readonly hostname: string;
  readonly requester: Pick<Requester, 'isHttp2' | 'peer' | 'replay'>;
  /** Null: it was not let in. */
  readonly route: Route | null;
  readonly record: ExchangeRecord;
}

export class ExchangeRecord {
  /** On the clock of `performance.now`. */
  readonly startedAt = performance.now();
  /** Bytes to the service and from it, heads included. */
  bytesIn = 0;
  bytesOut = 0;
  /** From the request to the head of the response; -1: none arrived. */
  firstByteMs = -1;
  /** Time without a stream, waiting for a traffic manager or for room on its tunnels. */
  waitMs = 0;
  /** From the request to the end; -1: the exchange has not ended. */
  durationMs = -1;
  /** Status of the answer that the visitor got; 0: none. */
  status = 0;
  /** Whether Culvert answered instead of the service. */
  isOwn = false;
  /** Why the exchange ended without a whole answer of the service. */
  error: ExchangeError | null = null;
  /** The error that the visitor was shown, or would have been; null if there is none. */
  failure: RelayError | null = null;
  /** When it began to wait for a stream, on the relay's clock; -1: it did not. Streams that are refused keep it. */
  waitingSince = -1;
  /** When the wait under way began, on the clock of `performance.now`; 0: it does not wait. */
  private waitBeganAt = 0;

  /** @param requestId id of the request; '': it has none */
  constructor(readonly requestId = '') {}

  /** The service has answered. Returns the time since the request. */
  answer(status: number): number {
    this.status = status;
    return (this.firstByteMs = performance.now() - this.startedAt);
  }

  /** Culvert answers in place of the service. */
  answerOwn(status: number): void {
    this.status = status;
    this.isOwn = true;
  }

  /** The visitor is gone, or gets `failure` because it cannot use the service's answer. */
  cancel(failure: RelayError | null): ExchangeError {
    this.failure = failure;
    if (failure !== null) this.answerOwn(failure.status);
    return (this.error = failure?.code ?? 'cancelled');
  }

  /** @param now the relay's clock */
  wait(now: number): void {
    // A spurious wake-up or a refused stream must not restart the wait timeout.
    if (this.waitingSince < 0) this.waitingSince = now;
    if (this.waitBeganAt === 0) this.waitBeganAt = performance.now();
  }

  /** It no longer waits, if it did. */
  endWait(isServed: boolean, measures: RelayMeasures): void {
    if (this.waitBeganAt === 0) return;
    const ms = performance.now() - this.waitBeganAt;
    this.waitBeganAt = 0;
    this.waitMs += ms;
    measures.observeWait(isServed, ms);
  }
}
