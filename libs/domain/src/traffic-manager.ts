import type { TunnelKind } from '@culvert/terms';

/** The in-cluster process that dials out, known by its manager id across restarts. */
export interface TrafficManager {
  readonly id: string;
  readonly teamId: string;
  /** What the process calls itself; unique within the team. */
  readonly managerId: string;
  /** Which protocol it speaks. */
  readonly kind: TunnelKind;
  readonly name: string;
  /** Identity of the cluster it runs in, or empty. */
  readonly clusterId: string;
  /** Version of the program at its last registration, or empty. */
  readonly version: string;
  /** Last registration or heartbeat, or null when it was never connected. */
  readonly lastSeenAt: Date | null;
  readonly createdAt: Date;
}

/**
 * What the manager id of a workstation begins with: `culvert expose` is the traffic manager of what its machine shows.
 * Several come and go in a team, so none is meant where no traffic manager is named.
 */
export const WORKSTATION_PREFIX = 'workstation/';

/** What a traffic manager says of itself when it registers. */
export interface ManagerIdentity {
  readonly managerId: string;
  readonly clusterId: string;
  readonly name: string;
  readonly version: string;
}
