import type { ConnectionEvent, ConnectionEventDraft } from './connection-event.js';
import type { Page, PageRequest } from './page.js';

/** The history of traffic managers' tunnels and sessions. The end of a session is written together with its event. */
export interface ConnectionEventRepository {
  /**
   * Called by an edge, for any teams. Leaves out events of traffic managers that no longer exist. A draft (the same object)
   * that is appended again is stored once, even if an attempt that seemed to fail did store it.
   */
  append(drafts: readonly ConnectionEventDraft[]): Promise<void>;
  /** Returns events of one traffic manager (by its ID), newest first. */
  list(teamId: string, trafficManagerId: string, page: PageRequest): Promise<Page<ConnectionEvent>>;
  /** Removes at most `max` events of any team from before this moment. Returns how many. */
  removeBefore(before: Date, max: number): Promise<number>;
}
