import { Inject, Injectable } from '@nestjs/common';
import type { AuditEventFilterQuery, AuditEventQuery, AuditEventResource } from '@culvert/contract';
import type { AuditEvent, AuditEventFilter, Page, Store } from '@culvert/domain';
import { STORE } from '@culvert/platform';
import type { Caller } from '../auth/caller.js';

/** How many events of an export are in memory at once. */
const EXPORT_PAGE_SIZE = 200;

@Injectable()
export class AuditEventsService {
  constructor(@Inject(STORE) private readonly store: Store) {}

  async list({ teamId }: Caller, query: AuditEventQuery): Promise<Page<AuditEventResource>> {
    const { limit, cursor, ...filter } = query;
    const page = await this.store.auditEvents.list(teamId, { limit, cursor }, toFilter(filter));
    return { ...page, items: page.items.map(toResource) };
  }

  /** All events, a page at a time as they are taken. The first is there already: failing later means half a table. */
  async pages(
    { teamId }: Caller,
    query: AuditEventFilterQuery,
  ): Promise<AsyncGenerator<AuditEventResource[]>> {
    const filter = toFilter(query);
    const read = (cursor?: string) =>
      this.store.auditEvents.list(teamId, { limit: EXPORT_PAGE_SIZE, cursor }, filter);
    return remainingPages(await read(), read);
  }
}

async function* remainingPages(
  first: Page<AuditEvent>,
  read: (cursor: string) => Promise<Page<AuditEvent>>,
): AsyncGenerator<AuditEventResource[]> {
  let page = first;
  yield page.items.map(toResource);
  while (page.nextCursor !== null) {
    page = await read(page.nextCursor);
    yield page.items.map(toResource);
  }
}

function toFilter({ from, until, ...filter }: AuditEventFilterQuery): AuditEventFilter {
  return { ...filter, from: toDate(from), until: toDate(until) };
}

function toDate(moment: string | undefined): Date | undefined {
  return moment === undefined ? undefined : new Date(moment);
}

function toResource({ teamId: _teamId, at, before, after, ...event }: AuditEvent): AuditEventResource {
  return { ...event, at: at.toISOString(), before: before && { ...before }, after: after && { ...after } };
}
