import { Field, type RequestHead } from '@culvert/http1';
import { RelayError } from '../answers/relay-error.js';
import type { RelayLimits } from '../limits.js';
import type { Route } from '../routing/route.js';
import { denial, managerUnavailable, shuttingDown, streamLimit } from './exchange-errors.js';
import { ExchangeState as State } from './exchange-state.js';
import type { ExchangeHost } from './host.js';
import type { ResponseTransfer } from './response-transfer.js';

/** What the time limits of an exchange depend on. */
export interface TimedExchange {
  readonly state: State;
  readonly request: RequestHead;
  /** Null until the exchange was let in. */
  readonly route: Route | null;
  readonly isRequestDone: boolean;
  /** Whether the stream takes no more of the request for now. */
  readonly isBodyPaused: boolean;
  /** Null before ACTIVE. */
  readonly upstream: ResponseTransfer | null;
}

/**
 * Returns why an exchange in which no byte has moved for `quietMs` must end, or null while it may continue: its preview has
 * expired, or one of its limits has passed.
 * @param limits in milliseconds; 0 for `upgradeIdleTimeoutMs`: none
 */
export function timeLimitError(
  exchange: TimedExchange,
  quietMs: number,
  limits: RelayLimits,
): RelayError | null {
  const { state, route, upstream } = exchange;
  if (route !== null && route.expiresAt <= Date.now()) return denial('preview_expired');
  switch (state) {
    case State.ROUTING:
      if (quietMs <= limits.responseTimeoutMs) return null;
      return new RelayError('internal_error', 'The preview could not be looked up in time.');
    case State.WAITING_FOR_MANAGER:
      return quietMs > limits.managerWaitMs ? managerUnavailable() : null;
    case State.WAITING_FOR_ROOM:
      return quietMs > limits.managerWaitMs ? streamLimit() : null;
    case State.ACTIVE:
      return upstream === null ? null : activeError(exchange, upstream, quietMs, limits);
    case State.UPGRADED: {
      const limitMs = upstream?.isPaused === true ? limits.stallTimeoutMs : limits.upgradeIdleTimeoutMs;
      if (limitMs === 0 || quietMs <= limitMs) return null;
      return new RelayError('response_timeout', 'The connection was silent for too long.');
    }
    case State.FINISHING:
      return quietMs > limits.stallTimeoutMs ? unread() : null;
    case State.DONE:
      return null;
    default:
      throw new Error(`unhandled state ${String(state satisfies never)}`);
  }
}

/**
 * Returns why an exchange without a stream must not wait for one, or null when it may.
 * @param lack 'absent': no traffic manager is connected; 'full': the tunnel has reached its limit of streams
 */
export function waitRefusal(lack: 'absent' | 'full', host: ExchangeHost): RelayError | null {
  if (lack === 'absent' && host.isDraining) return shuttingDown();
  if (host.limits.managerWaitMs > 0) return null;
  return lack === 'absent' ? managerUnavailable() : streamLimit();
}

function activeError(
  { request, isRequestDone, isBodyPaused }: TimedExchange,
  upstream: ResponseTransfer,
  quietMs: number,
  limits: RelayLimits,
): RelayError | null {
  if (upstream.head !== null) {
    // A response may be silent for as long as the service likes; only an unread one is given up.
    return upstream.isPaused && quietMs > limits.stallTimeoutMs ? unread() : null;
  }
  if (!isRequestDone && !isBodyPaused) {
    if (quietMs <= limits.idleTimeoutMs) return null;
    return new RelayError('request_timeout', 'The request body did not arrive in time.');
  }
  // A gRPC call sets its own deadline, and one that watches is silent until its first message. Only a whole request
  // earns that: a visitor could name this type to send a slow body without end.
  if (quietMs <= limits.responseTimeoutMs || (isRequestDone && isGrpc(request))) return null;
  const seconds = Math.round(limits.responseTimeoutMs / 1000);
  return new RelayError(
    'response_timeout',
    `Ingress ${upstream.route.ingress} sent nothing for ${seconds} seconds.`,
  );
}

function unread(): RelayError {
  return new RelayError('response_timeout', 'The response was not read in time.');
}

function isGrpc(request: RequestHead): boolean {
  const i = request.find(Field.CONTENT_TYPE);
  return i >= 0 && request.value(i).startsWith('application/grpc');
}
