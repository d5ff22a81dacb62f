import type { SessionRef } from './session.js';
import type { ClosedTunnel, HeldTunnel, TunnelRef, TunnelReport } from './tunnel.js';

/**
 * Across teams: the open tunnels, as the edges that hold them record them. `SessionRepository.register` adds a tunnel.
 * Each method is one statement or transaction for any number of tunnels.
 */
export interface TunnelRepository {
  /**
   * Records loads of open tunnels. Returns the IDs of those that were recorded: the others no longer exist or are being
   * changed, and must be reported again.
   */
  report(reports: readonly TunnelReport[], at: Date): Promise<string[]>;
  /**
   * Removes closed tunnels and adds their bytes to their sessions. A session without a tunnel of a living edge becomes
   * disconnected. The bytes of a tunnel without a row, and of an ended session, count too.
   */
  close(closed: readonly ClosedTunnel[], at: Date): Promise<void>;
  /**
   * Compares the rows of an edge with the tunnels that it holds. Rows that were added after `registeredBefore` may
   * belong to tunnels that the edge is about to hold: they count as expected.
   */
  compare(
    edgeId: string,
    heldIds: readonly string[],
    registeredBefore: Date,
  ): Promise<{
    /** IDs of held tunnels without a row. */
    readonly missing: string[];
    /** Rows of tunnels that the edge does not hold. */
    readonly surplus: TunnelRef[];
  }>;
  /**
   * Adds rows for tunnels whose rows were removed while their edge was not seen, and marks their sessions connected.
   * Leaves out tunnels of ended sessions, and of sessions that are being changed. Returns the sessions.
   */
  restore(edgeId: string, tunnels: readonly HeldTunnel[], at: Date): Promise<SessionRef[]>;
}
