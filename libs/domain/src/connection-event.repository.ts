import type { ConnectionEvent, ConnectionEventDraft } from './connection-event.js';
import type { Page, PageRequest } from './page.js';

/** The history of traffic managers' tunnels and sessions. The end of a session is written with the end itself. */
export interface ConnectionEventRepository {
  /** Called by an edge, of any teams. Leaves out what hangs on a traffic manager that is gone. */
  append(drafts: readonly ConnectionEventDraft[]): Promise<void>;
  /** Of one traffic manager (by its id), newest first. */
  list(teamId: string, trafficManagerId: string, page: PageRequest): Promise<Page<ConnectionEvent>>;
  /** Removes events of any team from before this, at most `max` of them. Returns how many. */
  removeBefore(before: Date, max: number): Promise<number>;
}
