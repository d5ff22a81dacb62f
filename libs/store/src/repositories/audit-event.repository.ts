import type {
  Actor,
  AuditEvent,
  AuditEventDraft,
  AuditEventFilter,
  AuditEventRepository,
  Page,
  PageRequest,
} from '@culvert/domain';
import type { Client } from '../client.js';
import { Prisma } from '../generated/client.js';
import type { AuditEventModel } from '../generated/models.js';
import { isUuid, newId } from '../ids.js';
import { emptyPage, pageQuery, toPage } from '../page.js';
import { isStorable } from '../text.js';

export class PrismaAuditEventRepository implements AuditEventRepository {
  constructor(private readonly client: Client) {}

  async append({
    teamId,
    actor,
    action,
    targetId,
    before,
    after,
  }: AuditEventDraft): Promise<Pick<AuditEvent, 'id'>> {
    return this.client.auditEvent.create({
      data: {
        id: newId(),
        teamId,
        at: new Date(),
        actorKind: actor.kind,
        actorId: actor.id,
        actorAddress: actor.address,
        action,
        targetId,
        before: toJson(before),
        after: toJson(after),
      },
      select: { id: true },
    });
  }

  async list(teamId: string, page: PageRequest, filter: AuditEventFilter = {}): Promise<Page<AuditEvent>> {
    const { where, ...order } = pageQuery('at', page);
    const { actorId, action, targetId, from, until } = filter;
    if (!isUuid(teamId)) return emptyPage();
    if (![actorId, action, targetId].every((text) => text === undefined || isStorable(text)))
      return emptyPage();
    const rows = await this.client.auditEvent.findMany({
      where: { teamId, actorId, action, targetId, at: { gte: from, lt: until }, ...where },
      ...order,
    });
    return toPage(rows, page, (row) => row.at, toAuditEvent);
  }
}

function toJson(fields: AuditEventDraft['before']) {
  return fields === null ? Prisma.DbNull : (fields as Prisma.InputJsonObject);
}

function toAuditEvent({ actorKind, actorId, actorAddress, ...row }: AuditEventModel): AuditEvent {
  return {
    ...row,
    actor: { kind: actorKind as Actor['kind'], id: actorId, address: actorAddress },
    before: row.before as AuditEvent['before'],
    after: row.after as AuditEvent['after'],
  };
}
