import type { Edge } from './edge.js';
import type { SessionRef } from './session.js';

/** Across teams: edges belong to no team. All times of sight are by the clock of the database. */
export interface EdgeRepository {
  /** Records that this edge is alive, in one row. Called every ten seconds. */
  beat(edge: Edge): Promise<void>;
  /**
   * Removes edges that have been silent for `MAX_EDGE_SILENCE_MS`, with their tunnels. Sessions that have no tunnel
   * left become disconnected. The history of their traffic managers gets an event for each tunnel. Returns the sessions
   * that lost a tunnel. Rows that are being changed are left for the next call.
   */
  removeSilent(at: Date): Promise<SessionRef[]>;
  /** Removes an edge that stops. Does nothing while it has tunnels: `removeSilent` removes these later. */
  remove(id: string): Promise<void>;
}
