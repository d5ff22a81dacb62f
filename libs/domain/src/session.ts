import type { SessionState, TunnelKind } from '@culvert/terms';
import type { TrafficManager } from './traffic-manager.js';
import type { OpenTunnel } from './tunnel.js';

/** Credential of a tunnel: an API key, or a program that acts for a person. */
export type TunnelCredential =
  | { readonly kind: 'api-key'; readonly apiKeyId: string }
  | {
      readonly kind: 'program';
      /** ID of the program in the database, not its client id. */
      readonly programId: string;
      readonly userId: string;
    };

/** Credential of a session, which outlives programs: null stands for a program that has ended. */
export type SessionCredential =
  | Extract<TunnelCredential, { kind: 'api-key' }>
  | { readonly kind: 'program'; readonly programId: string | null; readonly userId: string };

/** End reason of a session that an edge ended because its traffic manager stayed away for the grace period. */
export const SESSION_NOT_RESUMED = 'the traffic manager did not come back in time';

/** One traffic manager's presence, from registration until it leaves or its grace period ends. */
export interface Session {
  readonly id: string;
  readonly teamId: string;
  readonly trafficManagerId: string;
  readonly kind: TunnelKind;
  readonly state: SessionState;
  /** Credential of the most recent tunnel. */
  readonly credential: SessionCredential;
  /** Edge that holds the most recent tunnel. */
  readonly edgeId: string;
  /** Address from which the most recent tunnel was opened. */
  readonly remoteAddress: string;
  /** Version of the traffic manager's program. */
  readonly version: string;
  /** Number of tunnels that the traffic manager keeps if it can, as it said at its last registration; null: unknown. */
  readonly wantedTunnelCount: number | null;
  /** Time when the session began; resuming it does not change this. */
  readonly connectedAt: Date;
  /** Time when its last tunnel closed; null while tunnels are open. */
  readonly disconnectedAt: Date | null;
  readonly endedAt: Date | null;
  /** Why it ended; null while it has not. */
  readonly endReason: string | null;
}

/** A session with its open tunnels, and the name and cluster that identify its traffic manager to people. */
export interface ShownSession extends Session {
  readonly trafficManager: Pick<TrafficManager, 'managerId' | 'name' | 'clusterId'>;
  /** Open tunnels, newest first. */
  readonly tunnels: readonly OpenTunnel[];
  /** Number of open tunnels. */
  readonly tunnelCount: number;
  /** Number of open streams on all tunnels, at the last reports. */
  readonly streamCount: number;
  /** Round trip of its newest tunnel, in milliseconds; null before it is measured, and without a tunnel. */
  readonly roundTripMs: number | null;
  /** Bytes received from the traffic manager since the session began, on open and closed tunnels. */
  readonly receivedBytes: number;
  /** Bytes sent to the traffic manager since the session began, on open and closed tunnels. */
  readonly sentBytes: number;
  /**
   * While tunnels are open: when one of their edges was last seen, which is every ten seconds. Otherwise: when the last
   * tunnel closed, or its edge was last seen.
   */
  readonly lastSeenAt: Date;
}

/** IDs of a session and its owners. */
export type SessionRef = Pick<Session, 'id' | 'teamId' | 'trafficManagerId'>;
