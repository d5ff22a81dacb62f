import { Inject, Injectable } from '@nestjs/common';
import type { AuditEventFilterQuery, AuditEventQuery, AuditEventResource } from '@culvert/contract';
import type {
  AuditedResource,
  AuditedThing,
  AuditEvent,
  AuditEventFilter,
  Page,
  Store,
} from '@culvert/domain';
import { STORE } from '@culvert/nest';
import type { Caller } from '../../http/auth/caller.js';
import { summaryOf } from './audit-sentences.js';

/** An event in a table that is kept: its target may not exist later. */
export type ExportedEvent = Omit<AuditEventResource, 'current'>;

/** Events of an export that are in memory at once. */
const EXPORT_PAGE_SIZE = 200;

@Injectable()
export class AuditEventsService {
  constructor(@Inject(STORE) private readonly store: Store) {}

  async list({ teamId }: Caller, query: AuditEventQuery): Promise<Page<AuditEventResource>> {
    const { limit, cursor, ...filter } = query;
    const page = await this.store.auditEvents.list(teamId, { limit, cursor }, toFilter(filter));
    const things = page.items.flatMap((event) => thingOf(event) ?? []);
    const existing = await this.store.auditEvents.findExisting(teamId, things);
    return { ...page, items: page.items.map((event) => toResource(event, existing)) };
  }

  /**
   * Returns all events, one page at a time as they are read. The first page is fetched here: a later failure would
   * leave half a table.
   */
  async pages({ teamId }: Caller, query: AuditEventFilterQuery): Promise<AsyncGenerator<ExportedEvent[]>> {
    const filter = toFilter(query);
    const read = (cursor?: string) =>
      this.store.auditEvents.list(teamId, { limit: EXPORT_PAGE_SIZE, cursor }, filter);
    return remainingPages(await read(), read);
  }
}

async function* remainingPages(
  first: Page<AuditEvent>,
  read: (cursor: string) => Promise<Page<AuditEvent>>,
): AsyncGenerator<ExportedEvent[]> {
  let page = first;
  yield page.items.map(toExported);
  while (page.nextCursor !== null) {
    page = await read(page.nextCursor);
    yield page.items.map(toExported);
  }
}

function toFilter({ from, until, ...filter }: AuditEventFilterQuery): AuditEventFilter {
  return { ...filter, from: toDate(from), until: toDate(until) };
}

function toDate(moment: string | undefined): Date | undefined {
  return moment === undefined ? undefined : new Date(moment);
}

function toExported({ teamId: _teamId, at, before, after, ...event }: AuditEvent): ExportedEvent {
  const summary = summaryOf({ before, after, ...event });
  return {
    ...event,
    at: at.toISOString(),
    summary,
    before: before && { ...before },
    after: after && { ...after },
  };
}

function toResource(event: AuditEvent, existing: readonly AuditedThing[]): AuditEventResource {
  const thing = thingOf(event);
  const current = existing.find(({ resource, id }) => resource === thing?.resource && id === thing.id);
  return { ...toExported(event), current: current ?? null };
}

/** Returns the kind of resource that an event is about, whether it still exists or not. */
function thingOf({ action, targetId, before, after }: AuditEvent): AuditedThing | null {
  const named = (resource: AuditedResource, field: string): AuditedThing | null => {
    const id = after?.[field] ?? before?.[field];
    return typeof id === 'string' ? { resource, id } : null;
  };
  const [thing] = action.split('.');
  switch (thing) {
    case 'api-key':
    case 'intercept':
    case 'member':
    case 'preview':
    case 'traffic-manager':
    case 'workload-identity':
      return { resource: thing, id: targetId };
    case 'preview-token':
    case 'share-link':
      return named('preview', 'previewId');
    case 'session':
      return named('traffic-manager', 'trafficManagerId');
    default:
      return null;
  }
}
