import type { TunnelKind } from '@culvert/terms';

/** The process in a cluster that connects to an edge, identified by its manager id across restarts. */
export interface TrafficManager {
  readonly id: string;
  readonly teamId: string;
  /** ID that the process chose for itself; unique within the team. */
  readonly managerId: string;
  /** Protocol of the traffic manager. */
  readonly kind: TunnelKind;
  readonly name: string;
  /** Id of its cluster, or empty. It cannot change to that of another cluster while the traffic manager is connected. */
  readonly clusterId: string;
  /** Version of the program at its last registration, or empty. */
  readonly version: string;
  /**
   * While tunnels are open: when one of their edges was last seen. Otherwise: when the last tunnel closed, or its edge was
   * last seen. Null if it never connected.
   */
  readonly lastSeenAt: Date | null;
  readonly createdAt: Date;
}

/** Identity that a traffic manager sends when it registers. */
export interface ManagerIdentity {
  readonly managerId: string;
  readonly clusterId: string;
  readonly name: string;
  readonly version: string;
}
