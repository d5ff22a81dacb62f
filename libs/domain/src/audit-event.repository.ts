import type { AuditEvent, AuditEventDraft, AuditEventFilter, AuditedThing } from './audit-event.js';
import type { Page, PageRequest } from './page.js';

export interface AuditEventRepository {
  append(draft: AuditEventDraft): Promise<Pick<AuditEvent, 'id'>>;
  list(teamId: string, page: PageRequest, filter?: AuditEventFilter): Promise<Page<AuditEvent>>;
  /** Returns those of these resources that the team still has. */
  findExisting(teamId: string, things: readonly AuditedThing[]): Promise<AuditedThing[]>;
}
