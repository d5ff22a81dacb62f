import { Inject, Injectable } from '@nestjs/common';
import type { AuditEventResource, PageQuery } from '@culvert/contract';
import type { AuditEvent, Page, Store } from '@culvert/domain';
import { STORE } from '@culvert/platform';
import type { Caller } from '../auth/caller.js';

@Injectable()
export class AuditEventsService {
  constructor(@Inject(STORE) private readonly store: Store) {}

  async list(caller: Caller, query: PageQuery): Promise<Page<AuditEventResource>> {
    const page = await this.store.auditEvents.list(caller.teamId, query);
    return { ...page, items: page.items.map(toResource) };
  }
}

function toResource({ teamId: _teamId, at, before, after, ...event }: AuditEvent): AuditEventResource {
  return { ...event, at: at.toISOString(), before: before && { ...before }, after: after && { ...after } };
}
