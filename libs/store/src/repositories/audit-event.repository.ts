import {
  webhookEventsOf,
  type Actor,
  type AuditEvent,
  type AuditEventDraft,
  type AuditEventFilter,
  type AuditEventRepository,
  type AuditedResource,
  type AuditedThing,
  type Page,
  type PageRequest,
} from '@culvert/domain';
import type { Client, TransactionClient } from '../client.js';
import { Prisma } from '../generated/client.js';
import type { AuditEventModel } from '../generated/models.js';
import { isUuid, newId } from '../ids.js';
import { emptyPage, pageQuery, toPage } from '../page.js';
import { isStorable } from '../text.js';
import { addEvents } from './webhook-outbox.js';

export class PrismaAuditEventRepository implements AuditEventRepository {
  constructor(private readonly client: Client) {}

  async append(draft: AuditEventDraft): Promise<Pick<AuditEvent, 'id'>> {
    const { teamId, actor, before, after, ...target } = draft;
    const at = new Date();
    const actorName = await this.nameOf(teamId, actor);
    const create = (client: Client | TransactionClient) =>
      client.auditEvent.create({
        data: {
          id: newId(),
          teamId,
          at,
          actorKind: actor.kind,
          actorId: actor.id,
          actorName,
          actorAddress: actor.address,
          ...target,
          before: toJson(before),
          after: toJson(after),
        },
        select: { id: true },
      });
    const events = webhookEventsOf({ ...draft, actor: { ...actor, name: actorName } });
    if (events.length === 0) return create(this.client);
    return this.client.$transaction(async (tx) => {
      await addEvents(tx, events, at);
      return create(tx);
    });
  }

  async list(teamId: string, page: PageRequest, filter: AuditEventFilter = {}): Promise<Page<AuditEvent>> {
    const { where, ...order } = pageQuery('at', page);
    const { actorId, action, targetId, name, from, until } = filter;
    if (!isUuid(teamId)) return emptyPage();
    if (![actorId, action, targetId, name].every((text) => text === undefined || isStorable(text)))
      return emptyPage();
    const rows = await this.client.auditEvent.findMany({
      where: {
        teamId,
        actorId,
        action,
        targetId,
        ...(name === undefined
          ? {}
          : { targetName: { contains: name.replace(/[\\%_]/g, '\\$&'), mode: 'insensitive' } }),
        at: { gte: from, lt: until },
        ...where,
      },
      ...order,
    });
    return toPage(rows, page, (row) => row.at, toAuditEvent);
  }

  async findExisting(teamId: string, things: readonly AuditedThing[]): Promise<AuditedThing[]> {
    if (!isUuid(teamId)) return [];
    const { apiKey, intercept, membership, preview, trafficManager, workloadIdentity } = this.client;
    const idsOf = (resource: AuditedResource): string[] => {
      const ids = things.filter((thing) => thing.resource === resource).map(({ id }) => id);
      return [...new Set(ids)].filter(resource === 'intercept' ? isStorable : isUuid);
    };
    const select = { id: true } as const;
    const find = {
      'api-key': (id) => apiKey.findMany({ where: { teamId, id }, select }),
      intercept: (id) => intercept.findMany({ where: { teamId, id }, select }),
      member: async (id) => {
        const rows = await membership.findMany({ where: { teamId, userId: id }, select: { userId: true } });
        return rows.map(({ userId }) => ({ id: userId }));
      },
      preview: (id) => preview.findMany({ where: { teamId, id }, select }),
      'traffic-manager': (id) => trafficManager.findMany({ where: { teamId, id }, select }),
      'workload-identity': (id) => workloadIdentity.findMany({ where: { teamId, id }, select }),
    } satisfies Record<AuditedResource, (id: { in: string[] }) => Promise<{ id: string }[]>>;
    const found = await Promise.all(
      (Object.keys(find) as AuditedResource[]).map(async (resource) => {
        const ids = idsOf(resource);
        const rows = ids.length === 0 ? [] : await find[resource]({ in: ids });
        return rows.map(({ id }) => ({ resource, id }));
      }),
    );
    return found.flat();
  }

  /** Returns the names of actors, including revoked keys and people who have left. */
  private async nameOf(teamId: string, { kind, id }: Actor): Promise<string | null> {
    if (id === null || !isUuid(id)) return null;
    if (kind === 'api-key') {
      const key = await this.client.apiKey.findUnique({ where: { id, teamId }, select: { name: true } });
      return key?.name ?? null;
    }
    if (kind === 'workload-identity') {
      const select = { name: true } as const;
      const found = await this.client.workloadIdentity.findUnique({ where: { id, teamId }, select });
      return found?.name ?? null;
    }
    if (kind !== 'user') return null;
    const user = await this.client.user.findUnique({ where: { id }, select: { name: true, email: true } });
    return user && (user.name || user.email);
  }
}

function toJson(fields: AuditEventDraft['before']) {
  return fields === null ? Prisma.DbNull : (fields as Prisma.InputJsonObject);
}

function toAuditEvent({ actorKind, actorId, actorName, actorAddress, ...row }: AuditEventModel): AuditEvent {
  return {
    ...row,
    actor: { kind: actorKind as Actor['kind'], id: actorId, name: actorName, address: actorAddress },
    before: row.before as AuditEvent['before'],
    after: row.after as AuditEvent['after'],
  };
}
