import type { SessionState, TunnelKind } from '@culvert/terms';
import type { TrafficManager } from './traffic-manager.js';

/** What a tunnel was let in by: an API key, or a program that acts for a person. */
export type TunnelCredential =
  | { readonly kind: 'api-key'; readonly apiKeyId: string }
  | {
      readonly kind: 'program';
      /** Of the program's OAuth grant. */
      readonly programId: string;
      readonly userId: string;
    };

/** The same of a session, which outlives programs: null stands for one that has ended. */
export type SessionCredential =
  | Extract<TunnelCredential, { kind: 'api-key' }>
  | { readonly kind: 'program'; readonly programId: string | null; readonly userId: string };

/** What an edge measured on the tunnels of a session that it holds. */
export interface SessionLoad {
  readonly streamCount: number;
  /** Of the newest tunnel, in milliseconds; null before it is measured. */
  readonly roundTripMs: number | null;
  /** Since the report before. */
  readonly receivedBytes: number;
  /** Since the report before. */
  readonly sentBytes: number;
}

/** One traffic manager's presence, from registration until it leaves or its grace period ends. */
export interface Session {
  readonly id: string;
  readonly teamId: string;
  readonly trafficManagerId: string;
  readonly kind: TunnelKind;
  readonly state: SessionState;
  /** Of the most recent tunnel. */
  readonly credential: SessionCredential;
  /** The edge that holds the most recent tunnel. */
  readonly edgeId: string;
  /** Address the most recent tunnel came from. */
  readonly remoteAddress: string;
  /** Version of the traffic manager's program. */
  readonly version: string;
  /** Tunnels open now. */
  readonly tunnelCount: number;
  /** Streams open on its tunnels at the last report of its edge. */
  readonly streamCount: number;
  /** Round trip of its newest tunnel, in milliseconds; null before it is measured, and without a tunnel. */
  readonly roundTripMs: number | null;
  /** Bytes that came from the traffic manager since the session began, as its edge reported last. */
  readonly receivedBytes: number;
  /** Bytes sent to the traffic manager since the session began, as its edge reported last. */
  readonly sentBytes: number;
  /** When the session began; resuming it does not change this. */
  readonly connectedAt: Date;
  /** Last registration, change of tunnels, or heartbeat from the edge that holds the session. */
  readonly lastSeenAt: Date;
  readonly disconnectedAt: Date | null;
  readonly endedAt: Date | null;
  /** Why it ended, or null while it has not. */
  readonly endReason: string | null;
}

/** A session with what tells people whose it is. */
export interface ShownSession extends Session {
  readonly trafficManager: Pick<TrafficManager, 'managerId' | 'name' | 'clusterId'>;
}

/** Which session, and whose. */
export type SessionRef = Pick<Session, 'id' | 'teamId' | 'trafficManagerId'>;
