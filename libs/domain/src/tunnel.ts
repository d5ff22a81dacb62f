import type { TunnelKind } from '@culvert/terms';
import type { Edge } from './edge.js';

/** Load of one open tunnel, as its edge measured it. */
export interface TunnelLoad {
  readonly streamCount: number;
  /** Round-trip time in milliseconds; null before it is measured. */
  readonly roundTripMs: number | null;
  /** Bytes since the previous report. */
  readonly receivedBytes: number;
  /** Bytes since the previous report. */
  readonly sentBytes: number;
}

/** Load of the tunnel with this ID. */
export interface TunnelReport extends TunnelLoad {
  readonly id: string;
}

/** IDs of a tunnel and its owners. */
export interface TunnelRef {
  readonly id: string;
  readonly teamId: string;
  readonly sessionId: string;
}

/** A tunnel that has closed, with the bytes that were not reported while it was open. */
export type ClosedTunnel = TunnelRef & Pick<TunnelLoad, 'receivedBytes' | 'sentBytes'>;

/** A tunnel that an edge holds, with everything that is recorded when it opens. */
export interface HeldTunnel extends TunnelRef {
  readonly kind: TunnelKind;
  /** Address from which it was opened. */
  readonly remoteAddress: string;
  /** Identifies the process of the traffic manager. At most 255 characters. */
  readonly instanceId: string;
  readonly openedAt: Date;
}

/** An open tunnel as people see it. */
export interface OpenTunnel extends Omit<HeldTunnel, 'teamId' | 'sessionId'> {
  readonly edge: Pick<Edge, 'id' | 'name' | 'version'>;
  readonly streamCount: number;
  /** Milliseconds; null before it is measured. */
  readonly roundTripMs: number | null;
  /** Bytes received from the traffic manager since it opened, at the last report. */
  readonly receivedBytes: number;
  /** Bytes sent to the traffic manager since it opened, at the last report. */
  readonly sentBytes: number;
  /** Last report of its edge, which reports figures that have changed. */
  readonly reportedAt: Date;
}
