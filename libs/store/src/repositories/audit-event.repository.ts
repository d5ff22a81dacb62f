import type {
  Actor,
  AuditEvent,
  AuditEventDraft,
  AuditEventRepository,
  Page,
  PageRequest,
} from '@culvert/domain';
import type { Client } from '../client.js';
import { Prisma } from '../generated/client.js';
import type { AuditEventModel } from '../generated/models.js';
import { isUuid, newId } from '../ids.js';
import { emptyPage, pageQuery, toPage } from '../page.js';

export class PrismaAuditEventRepository implements AuditEventRepository {
  constructor(private readonly client: Client) {}

  async append({ teamId, actor, action, targetId, before, after }: AuditEventDraft): Promise<void> {
    await this.client.auditEvent.create({
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

  async list(teamId: string, page: PageRequest): Promise<Page<AuditEvent>> {
    const { where, ...order } = pageQuery('at', page);
    if (!isUuid(teamId)) return emptyPage();
    const rows = await this.client.auditEvent.findMany({ where: { teamId, ...where }, ...order });
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
