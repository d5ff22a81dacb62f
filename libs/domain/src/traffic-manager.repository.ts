import type { Page, PageRequest } from './page.js';
import type { ManagerIdentity, TrafficManager } from './traffic-manager.js';

export interface TrafficManagerRepository {
  /** Null if the team already has one with this manager id. */
  create(teamId: string, identity: ManagerIdentity): Promise<TrafficManager | null>;
  find(teamId: string, id: string): Promise<TrafficManager | null>;
  list(teamId: string, page: PageRequest): Promise<Page<TrafficManager>>;
  /** Returns at most `max`, newest first, without workstations (`WORKSTATION_PREFIX`). */
  listClusters(teamId: string, max: number): Promise<TrafficManager[]>;
  rename(teamId: string, id: string, name: string): Promise<TrafficManager | null>;
  /** Removes it with its sessions, intercepts and previews. Returns the hostnames that ended, or null. */
  remove(teamId: string, id: string): Promise<string[] | null>;
}
