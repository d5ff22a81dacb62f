import { HALF_CLOSED_IDLE_MS, LINGER_MS, type RelayLimits } from '../limits.js';
import { Http1State as State } from './http1-state.js';
import type { Lingering } from './lingering.js';

/** What the time limits of an HTTP/1.1 connection depend on. */
export interface TimedConnection {
  readonly state: State;
  /** Time when the state began, or bytes last moved; on the relay's clock. */
  readonly activeAt: number;
  /** Whether the visitor has closed its sending side. */
  readonly hasInputEnded: boolean;
  /** There in LINGERING. */
  readonly lingering: Lingering | null;
  readonly socket: { readonly writableFinished: boolean };
  readonly writer: { readonly needsDrain: boolean };
}

/**
 * Reports whether a limit of the connection's state has passed. Exchanges have limits of their own.
 * @param now the relay's clock
 */
export function isOverdue(connection: TimedConnection, now: number, limits: RelayLimits): boolean {
  const { state, socket, lingering } = connection;
  const quietMs = now - connection.activeAt;
  switch (state) {
    case State.NEW:
    case State.IDLE:
      return quietMs > limits.idleTimeoutMs;
    case State.HEAD:
      return quietMs > limits.headTimeoutMs;
    case State.EXCHANGE:
    case State.LAST_EXCHANGE:
    case State.UPGRADED:
      return connection.hasInputEnded && quietMs > HALF_CLOSED_IDLE_MS && !connection.writer.needsDrain;
    case State.CLOSING:
    case State.LINGERING:
      // Output that is still in this process counts as progress: only then does the visitor's time begin.
      if (!socket.writableFinished && quietMs <= limits.stallTimeoutMs) return false;
      return lingering === null ? quietMs > LINGER_MS : lingering.isOver(now);
    case State.HANDED_OFF:
    case State.CLOSED:
      return false;
    default:
      throw new Error(`unhandled state ${String(state satisfies never)}`);
  }
}
