import type { SessionState, TunnelKind } from '@culvert/terms';
import type { Page, PageRequest } from './page.js';
import type { Session, SessionRef, ShownSession, TunnelCredential } from './session.js';
import type { ManagerIdentity } from './traffic-manager.js';
import type { HeldTunnel } from './tunnel.js';

/** Facts that an edge knows when a traffic manager registers. */
export interface SessionRegistration {
  readonly identity: ManagerIdentity;
  readonly kind: TunnelKind;
  readonly credential: TunnelCredential;
  readonly edgeId: string;
  readonly remoteAddress: string;
  /** Identifies the process of the traffic manager. At most 255 characters. */
  readonly instanceId: string;
  /** Number of tunnels that the traffic manager keeps, as it said; absent: unknown. */
  readonly wantedTunnelCount?: number | undefined;
  readonly at: Date;
  /** A tunnel that the edge accepted while the store was away, which keeps its ID and age; absent: a new one. */
  readonly tunnel?: Pick<HeldTunnel, 'id' | 'openedAt'>;
  /** Maximum number of living sessions of the team; absent: no limit. */
  readonly maxSessions?: number;
}

export interface SessionRepository {
  /**
   * Creates the traffic manager if it is new, then resumes its living session of this kind, or begins one, and records
   * the tunnel. Atomic: if two edges register the same manager at once, both get the same session. If a program has ended in the meantime, the
   * session has no program: the caller checks whether its credential is still valid.
   * @throws ManagerIdTakenError if the manager is connected from another cluster; an empty cluster id equals every other
   * @throws TeamLimitError if the team has `maxSessions` and none of them can be resumed
   */
  register(
    teamId: string,
    registration: SessionRegistration,
  ): Promise<{ session: Session; resumed: boolean; tunnel: HeldTunnel }>;
  find(teamId: string, id: string): Promise<ShownSession | null>;
  list(
    teamId: string,
    filter: { readonly trafficManagerId?: string | undefined; readonly state?: SessionState | undefined },
    page: PageRequest,
  ): Promise<Page<ShownSession>>;
  /** Called by an edge: returns which of these sessions have ended or no longer exist. */
  findEnded(ids: readonly string[]): Promise<string[]>;
  /** Ends it for good. Null if the team has no such session; idempotent otherwise. */
  end(teamId: string, id: string, reason: string, at: Date): Promise<ShownSession | null>;
  /**
   * Across teams: corrects states that contradict the tunnels. Edges from before tunnels were recorded leave such states
   * behind: they mark a session disconnected that has a tunnel at another edge, and one that they held stays connected
   * after they were killed. Returns the sessions that changed. Sessions that are being changed are left for the next call.
   */
  correctStates(at: Date): Promise<SessionRef[]>;
  /** Across teams: ends every session that has been disconnected since before `staleBefore`. Returns them. */
  endStale(staleBefore: Date, at: Date): Promise<SessionRef[]>;
}
