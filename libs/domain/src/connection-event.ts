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
  /** Where the tunnel came from. */
  readonly remoteAddress: string;
  /** Of the traffic manager's program, or empty. */
  readonly version: string;
  /** Null when something opened. */
  readonly reason: ConnectionReason | null;
  /** What was said about it, at most `MAX_CONNECTION_DETAIL_LENGTH` characters; empty when nothing was. */
  readonly detail: string;
  /** Events before this one that were left out, since there were too many in a short time. */
  readonly omittedBefore: number;
}

export const MAX_CONNECTION_DETAIL_LENGTH = 200;

export type ConnectionEventDraft = Omit<ConnectionEvent, 'id'>;
