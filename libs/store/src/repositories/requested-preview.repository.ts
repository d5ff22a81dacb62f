import {
  HOSTNAME_MEMORY_MS,
  HostnameTakenError,
  type Ingress,
  type Intercept,
  type InterceptPreviews,
  type InterceptStatus,
  type Preview,
  type PreviewRequest,
  type PreviewRequestRefusal,
  type RequestedPreview,
  type RequestedPreviewRepository,
  type TunnelKind,
} from '@culvert/domain';
import { isUniqueViolation, type Client, type TransactionClient } from '../client.js';
import { isUuid, newId } from '../ids.js';
import { isStorable } from '../text.js';
import { dropRemovedPreview, toIntercept } from './intercept.repository.js';
import { ingressColumns, keepColumns, toPreview } from './preview.repository.js';
import { lockTeam } from './lock-team.js';
import { freeHostnames } from './remembered-hostnames.js';

const MAX_ABANDONED = 100;

/** Rolls back the transaction. */
class Refused extends Error {
  constructor(readonly refusal: PreviewRequestRefusal) {
    super(refusal);
  }
}

/** Rolls back the transaction. */
class NothingToClose extends Error {}

export class PrismaRequestedPreviewRepository implements RequestedPreviewRepository {
  constructor(private readonly client: Client) {}

  async open(teamId: string, request: PreviewRequest): Promise<RequestedPreview | PreviewRequestRefusal> {
    try {
      // Locked in this order, here and wherever these are removed: team, manager, intercept, memory, preview.
      return await this.client.$transaction(async (tx) => {
        await lockTeam(tx, teamId);
        const trafficManagerId = await lockTrafficManager(tx, teamId, request);
        const { removedPreview } = await putIntercept(tx, teamId, trafficManagerId, request);
        if (removedPreview !== null) await dropRemovedPreview(tx, teamId, request.interceptId);
        return (
          (await renewPreview(tx, teamId, request)) ??
          insertPreview(tx, teamId, { trafficManagerId, removedPreview }, request)
        );
      });
    } catch (error) {
      if (error instanceof Refused) return error.refusal;
      if (isUniqueViolation(error)) throw new HostnameTakenError(request.preview.hostname);
      throw error;
    }
  }

  async close(teamId: string, managerId: string, hostname: string, calledAt: Date): Promise<Preview | null> {
    if (!isUuid(teamId) || !isStorable(managerId) || !isStorable(hostname)) return null;
    const where = {
      teamId,
      hostname,
      updatedAt: { lte: calledAt },
      intercept: { trafficManager: { managerId } },
    };
    const row = await this.client.preview.findFirst({ where });
    if (row === null) return null;
    try {
      await this.client.$transaction(async (tx) => {
        await freeHostnames(tx, teamId, [hostname]);
        const { count } = await tx.preview.deleteMany({ where: { ...where, id: row.id } });
        // The hostname of a preview that stays is not free.
        if (count === 0) throw new NothingToClose();
      });
    } catch (error) {
      if (error instanceof NothingToClose) return null;
      throw error;
    }
    return toPreview(row);
  }

  async closeIntercept(
    teamId: string,
    managerId: string,
    interceptId: string,
    calledAt: Date,
  ): Promise<InterceptPreviews | null> {
    if (!isUuid(teamId) || !isStorable(managerId) || !isStorable(interceptId)) return null;
    return this.client.$transaction(async (tx) => {
      await tx.$queryRaw`
        SELECT 1 AS found FROM intercept WHERE team_id = ${teamId}::uuid AND id = ${interceptId} FOR UPDATE`;
      const row = await tx.intercept.findFirst({
        where: { teamId, id: interceptId, updatedAt: { lte: calledAt }, trafficManager: { managerId } },
        include: { previews: true },
      });
      if (row === null) return null;
      const { previews, ...intercept } = row;
      await freeHostnames(
        tx,
        teamId,
        previews.map(({ hostname }) => hostname),
      );
      await tx.intercept.deleteMany({ where: { teamId, id: interceptId } });
      return { intercept: toIntercept(intercept), previews: previews.map(toPreview) };
    });
  }

  async followIntercept(teamId: string, interceptId: string, shown: InterceptStatus): Promise<void> {
    if (!isUuid(teamId) || !isStorable(interceptId)) return;
    const { disposition, message, headers, metadata } = shown;
    await this.client.intercept.updateMany({
      where: { teamId, id: interceptId },
      data: { disposition, message, headers, metadata },
    });
  }

  async followIngress(teamId: string, previewId: string, ingress: Ingress): Promise<void> {
    if (!isUuid(teamId) || !isUuid(previewId)) return;
    await this.client.preview.updateMany({
      where: { teamId, id: previewId },
      data: ingressColumns(ingress),
    });
  }

  async list(teamId: string, trafficManagerId: string): Promise<InterceptPreviews[]> {
    if (!isUuid(teamId) || !isUuid(trafficManagerId)) return [];
    const rows = await this.client.intercept.findMany({
      where: { teamId, trafficManagerId },
      include: { previews: true },
    });
    return rows.map(({ previews, ...intercept }) => ({
      intercept: toIntercept(intercept),
      previews: previews.map(toPreview),
    }));
  }

  async findIngress(teamId: string, namespace: string, serviceName: string): Promise<Ingress | null> {
    if (!isUuid(teamId) || !isStorable(namespace) || !isStorable(serviceName)) return null;
    const row = await this.client.preview.findFirst({
      where: { teamId, ingressPort: { gt: 0 }, intercept: { namespace, serviceName } },
      orderBy: { createdAt: 'desc' },
    });
    return row && toPreview(row).ingress;
  }

  async findAbandoned(kind: TunnelKind, seenBefore: Date): Promise<{ teamId: string; id: string }[]> {
    return this.client.trafficManager.findMany({
      where: { kind, lastSeenAt: { lt: seenBefore }, sessions: { none: { state: 'connected' } } },
      select: { teamId: true, id: true },
      take: MAX_ABANDONED,
    });
  }

  async dropRemoved(teamId: string, interceptId: string, hostname: string): Promise<boolean> {
    if (!isUuid(teamId) || !isStorable(interceptId) || !isStorable(hostname)) return false;
    return dropRemovedPreview(this.client, teamId, interceptId, hostname);
  }

  async forgetHostnames(freeBefore: Date): Promise<number> {
    return this.client.$executeRaw`
      DELETE FROM remembered_hostname AS memory WHERE free_at < ${freeBefore} AND NOT EXISTS (
        SELECT FROM intercept WHERE team_id = memory.team_id AND removed_preview ->> 'hostname' = memory.hostname)`;
  }
}

async function lockTrafficManager(
  tx: TransactionClient,
  teamId: string,
  { managerId, managerName, at }: PreviewRequest,
): Promise<string> {
  const [row] = await tx.$queryRaw<{ id: string }[]>`
    INSERT INTO traffic_manager (id, team_id, manager_id, kind, cluster_id, name, version, last_seen_at, created_at)
    VALUES (${newId()}::uuid, ${teamId}::uuid, ${managerId}, 'telepresence', '', ${managerName}, '', ${at}, ${at})
    ON CONFLICT (team_id, manager_id) DO UPDATE SET last_seen_at = EXCLUDED.last_seen_at
    RETURNING id`;
  if (!row) throw new Error('an upsert returned no row');
  return row.id;
}

async function putIntercept(
  tx: TransactionClient,
  teamId: string,
  trafficManagerId: string,
  { interceptId, intercept, at }: PreviewRequest,
): Promise<Intercept> {
  const data = { ...intercept, mechanismArgs: [...intercept.mechanismArgs], updatedAt: at };
  const row = await tx.intercept.upsert({
    where: { teamId_id: { teamId, id: interceptId } },
    create: { ...data, id: interceptId, teamId, trafficManagerId, createdAt: at },
    update: data,
  });
  if (row.trafficManagerId !== trafficManagerId) throw new Refused('intercept-taken');
  return toIntercept(row);
}

/** A manager that lost the answer asks again: it means the existing preview. */
async function renewPreview(
  tx: TransactionClient,
  teamId: string,
  { interceptId, preview, at }: PreviewRequest,
): Promise<RequestedPreview | null> {
  const existing = await tx.preview.findFirst({
    where: { teamId, interceptId },
    orderBy: { createdAt: 'asc' },
  });
  if (existing === null) return null;
  const { displayBanner, pullRequestUrl, addRequestHeaders } = preview;
  const row = await tx.preview.update({
    where: { id: existing.id },
    data: { displayBanner, pullRequestUrl, addRequestHeaders, updatedAt: at },
  });
  return { preview: toPreview(row), before: toPreview(existing) };
}

async function insertPreview(
  tx: TransactionClient,
  teamId: string,
  intercept: Pick<Intercept, 'trafficManagerId' | 'removedPreview'>,
  request: PreviewRequest,
): Promise<RequestedPreview> {
  const { interceptId, maxPreviews, at } = request;
  const { trafficManagerId } = intercept;
  const hostname = await findHostname(tx, teamId, intercept, request);
  if ((await tx.preview.count({ where: { teamId } })) >= maxPreviews) throw new Refused('limit-reached');
  const { ingress, keep = null, ...columns } = request.preview;
  const row = await tx.preview.create({
    data: {
      ...columns,
      ...ingressColumns(ingress),
      ...keepColumns(keep),
      allowedEmails: [...columns.allowedEmails],
      allowedDomains: [...columns.allowedDomains],
      hostname,
      interceptId,
      id: newId(),
      teamId,
      trafficManagerId,
      createdAt: at,
      updatedAt: at,
    },
  });
  return { preview: toPreview(row), before: null };
}

/** Returns the hostname to assign: the remembered one if it is free or its holder is gone, or else the new one. */
async function findHostname(
  tx: TransactionClient,
  teamId: string,
  { trafficManagerId, removedPreview }: Pick<Intercept, 'trafficManagerId' | 'removedPreview'>,
  { intercept, preview, at }: PreviewRequest,
): Promise<string> {
  const { client, workload, namespace, name } = intercept;
  // Locks the row, whether it is new or not: the second of two requests for one hostname waits.
  const [memory] = await tx.$queryRaw<{ hostname: string; free_at: Date | null }[]>`
    INSERT INTO remembered_hostname (team_id, client, workload, namespace, name, hostname)
    VALUES (${teamId}::uuid, ${client}, ${workload}, ${namespace}, ${name}, ${preview.hostname})
    ON CONFLICT (team_id, client, workload, namespace, name) DO UPDATE SET team_id = EXCLUDED.team_id
    RETURNING hostname, free_at`;
  if (!memory) throw new Error('an upsert returned no row');
  const { hostname } = memory;
  const holder = await tx.preview.findUnique({
    where: { hostname },
    select: { id: true, teamId: true, trafficManagerId: true },
  });
  if (holder !== null) {
    const isHolderAway =
      holder.teamId === teamId &&
      (holder.trafficManagerId === trafficManagerId ||
        (await tx.session.count({
          where: { teamId, trafficManagerId: holder.trafficManagerId, state: 'connected' },
        })) === 0);
    if (!isHolderAway) return preview.hostname;
    await tx.preview.deleteMany({ where: { teamId, id: holder.id } });
  }
  const isForgotten =
    hostname !== removedPreview?.hostname &&
    memory.free_at !== null &&
    at.getTime() - memory.free_at.getTime() > HOSTNAME_MEMORY_MS;
  const kept = isForgotten ? preview.hostname : hostname;
  await tx.rememberedHostname.update({
    where: { teamId_client_workload_namespace_name: { teamId, client, workload, namespace, name } },
    data: { hostname: kept, freeAt: null },
  });
  return kept;
}
