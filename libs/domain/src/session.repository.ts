import type { SessionState, TunnelKind } from '@culvert/terms';
import type { Page, PageRequest } from './page.js';
import type { Session, SessionLoad, SessionRef, ShownSession, TunnelCredential } from './session.js';
import type { ManagerIdentity } from './traffic-manager.js';

/** Facts that an edge knows when a traffic manager registers. */
export interface SessionRegistration {
  readonly identity: ManagerIdentity;
  readonly kind: TunnelKind;
  readonly credential: TunnelCredential;
  readonly edgeId: string;
  readonly remoteAddress: string;
  readonly at: Date;
  /** Maximum number of living sessions of the team; absent: no limit. */
  readonly maxSessions?: number;
}

export interface SessionRepository {
  /**
   * Creates the traffic manager if it is new, then resumes its living session of this kind, or begins one. Atomic: if
   * two edges register the same manager at once, both get the same session. If a program has ended in the meantime, the
   * session has no program: the caller checks whether its credential is still valid.
   * @throws ManagerIdTakenError if the manager is connected from another cluster; an empty cluster id equals every other
   * @throws TeamLimitError if the team has `maxSessions` and none of them can be resumed
   */
  register(
    teamId: string,
    registration: SessionRegistration,
  ): Promise<{ session: Session; resumed: boolean }>;
  find(teamId: string, id: string): Promise<ShownSession | null>;
  list(
    teamId: string,
    filter: { readonly trafficManagerId?: string | undefined; readonly state?: SessionState | undefined },
    page: PageRequest,
  ): Promise<Page<ShownSession>>;
  /**
   * Called by the edge that holds the session, with the number of open tunnels; 0 marks it disconnected. For an ended
   * session only the bytes count.
   */
  setTunnelCount(id: string, tunnelCount: number, load: SessionLoad, at: Date): Promise<void>;
  /**
   * Called by an edge for all sessions it holds. Returns those whose load was recorded; the others must be reported
   * again.
   */
  heartbeat(loads: ReadonlyMap<string, SessionLoad>, at: Date): Promise<string[]>;
  /** Called by an edge: returns which of these sessions have ended or no longer exist. */
  findEnded(ids: readonly string[]): Promise<string[]>;
  /** Ends it for good. Null if the team has no such session; idempotent otherwise. */
  end(teamId: string, id: string, reason: string, at: Date): Promise<ShownSession | null>;
  /** Ends every session of any team without a heartbeat since `staleBefore`. Returns them. */
  endStale(staleBefore: Date, at: Date): Promise<SessionRef[]>;
}
