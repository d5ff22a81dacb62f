import type { ConnectionChange, ConnectionReason, TunnelKind } from '@culvert/terms';

/** One entry of a traffic manager's history of tunnels that opened and closed, and sessions that ended. */
export interface ConnectionEvent {
  readonly id: string;
  readonly teamId: string;
  readonly trafficManagerId: string;
  readonly sessionId: string;
  readonly at: Date;
  readonly change: ConnectionChange;
  readonly kind: TunnelKind;
  readonly edgeId: string;
  /** Address from which the tunnel was opened. */
  readonly remoteAddress: string;
  /** Version of the traffic manager's program, or empty. */
  readonly version: string;
  /** Reason; null if something opened. */
  readonly reason: ConnectionReason | null;
  /** Explanation, at most `MAX_CONNECTION_DETAIL_LENGTH` characters; may be empty. */
  readonly detail: string;
  /** Number of events before this one that were left out because there were too many in a short time. */
  readonly omittedBefore: number;
}

export const MAX_CONNECTION_DETAIL_LENGTH = 200;

export type ConnectionEventDraft = Omit<ConnectionEvent, 'id'>;
