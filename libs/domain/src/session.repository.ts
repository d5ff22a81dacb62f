import type { SessionState, TunnelKind } from '@culvert/terms';
import type { Page, PageRequest } from './page.js';
import type { Session, SessionLoad, SessionRef, ShownSession, TunnelCredential } from './session.js';
import type { ManagerIdentity } from './traffic-manager.js';

/** What an edge knows when a traffic manager registers. */
export interface SessionRegistration {
  readonly identity: ManagerIdentity;
  readonly kind: TunnelKind;
  readonly credential: TunnelCredential;
  readonly edgeId: string;
  readonly remoteAddress: string;
  readonly at: Date;
  /** Living sessions that the team may have; absent: any number. */
  readonly maxSessions?: number;
}

export interface SessionRepository {
  /**
   * Creates the traffic manager when it is new, then resumes its session of this kind that has not ended, or
   * begins one. Atomic: of two edges registering the same manager at once both get the same session. A program that
   * has ended meanwhile is none of the session's: whoever registers looks whether its credential is still good.
   * @throws TeamLimitError when the team has `maxSessions` and none of them can be resumed
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
   * Called by the edge that holds the session: tunnels open now; 0 marks it disconnected. Of an ended one only the
   * bytes count.
   */
  setTunnelCount(id: string, tunnelCount: number, load: SessionLoad, at: Date): Promise<void>;
  /** Called by an edge for all sessions it holds. Returns those whose load was taken; the others' is to be told again. */
  heartbeat(loads: ReadonlyMap<string, SessionLoad>, at: Date): Promise<string[]>;
  /** Called by an edge: which of these sessions have ended or are gone, whoever did it. */
  findEnded(ids: readonly string[]): Promise<string[]>;
  /** Ends for good. Null when the team has no such session; idempotent otherwise. */
  end(teamId: string, id: string, reason: string, at: Date): Promise<ShownSession | null>;
  /** Ends every session, of any team, without a heartbeat since `staleBefore`. Returns which. */
  endStale(staleBefore: Date, at: Date): Promise<SessionRef[]>;
}
