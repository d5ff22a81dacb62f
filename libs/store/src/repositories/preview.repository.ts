import {
  HostnameTakenError,
  type EndedPreview,
  type InterceptDraft,
  type Keeping,
  type KeepSetting,
  type Page,
  type PageRequest,
  type Preview,
  type PreviewAccessRules,
  type PreviewChange,
  type PreviewDraft,
  type PreviewFilter,
  type PreviewRepository,
  type PreviewRoute,
  type RemovedPreview,
} from '@culvert/domain';
import { isForeignKeyViolation, isUniqueViolation, type Client, type TransactionClient } from '../client.js';
import type { PreviewModel } from '../generated/models.js';
import { isUuid, newId } from '../ids.js';
import { emptyPage, pageQuery, toPage } from '../page.js';
import { isStorable } from '../text.js';
import { dropRemovedPreview, insertIntercept, toIntercept } from './intercept.repository.js';
import { keepPolicyColumns, keepPolicyOf, removeExcess } from './keep-policy.js';
import { lockTeam, refuseBeyond } from './lock-team.js';
import { freeHostnames, useHostname } from './remembered-hostnames.js';

const accessColumns = {
  id: true,
  teamId: true,
  hostname: true,
  access: true,
  allowedEmails: true,
  allowedDomains: true,
  expiresAt: true,
} as const;

const routeColumns = {
  id: true,
  teamId: true,
  hostname: true,
  interceptId: true,
  trafficManagerId: true,
  ingressHost: true,
  ingressPort: true,
  ingressUseTls: true,
  ingressL5Host: true,
  ingressVerifyTls: true,
  ingressProtocol: true,
  ingressAddressedAs: true,
  access: true,
  addRequestHeaders: true,
  allowUpgrades: true,
  expiresAt: true,
} as const;

const routeSelection = {
  ...routeColumns,
  displayBanner: true,
  pullRequestUrl: true,
  keepCount: true,
  keepHours: true,
  intercept: { select: { workload: true, namespace: true, client: true } },
} as const;

export class PrismaPreviewRepository implements PreviewRepository {
  constructor(private readonly client: Client) {}

  async create(teamId: string, draft: PreviewDraft, maxPreviews?: number): Promise<Preview | null> {
    if (!isUuid(teamId) || !isStorable(draft.interceptId)) return null;
    return this.client.$transaction(async (tx) => {
      await refuseBeyondLimit(tx, teamId, maxPreviews);
      const intercept = await tx.intercept.findUnique({
        where: { teamId_id: { teamId, id: draft.interceptId } },
        select: { trafficManagerId: true },
      });
      return intercept && this.insert(tx, teamId, intercept.trafficManagerId, draft);
    });
  }

  async createWithIntercept(
    teamId: string,
    interceptId: string,
    intercept: InterceptDraft,
    draft: Omit<PreviewDraft, 'interceptId'>,
    maxPreviews?: number,
  ): Promise<Preview | null> {
    return this.client.$transaction(async (tx) => {
      await refuseBeyondLimit(tx, teamId, maxPreviews);
      const created = await insertIntercept(tx, teamId, interceptId, intercept);
      return created && this.insert(tx, teamId, created.trafficManagerId, { ...draft, interceptId });
    });
  }

  async find(teamId: string, id: string): Promise<Preview | null> {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    const row = await this.client.preview.findUnique({ where: { id, teamId } });
    return row && toPreview(row);
  }

  async findAccess(hostname: string): Promise<PreviewAccessRules | null> {
    if (!isStorable(hostname)) return null;
    return this.client.preview.findUnique({ where: { hostname }, select: accessColumns });
  }

  async findRoute(hostname: string): Promise<PreviewRoute | null> {
    if (!isStorable(hostname)) return null;
    const row = await this.client.preview.findUnique({ where: { hostname }, select: routeSelection });
    if (row === null) return null;
    const { displayBanner, pullRequestUrl, intercept, keepCount, keepHours, ...route } = row;
    const keep = await this.findKeeping(row.teamId, keepSetting({ keepCount, keepHours }));
    const hasBanner = displayBanner || keep !== null;
    return {
      ...withIngress(route),
      keep,
      banner: hasBanner ? { ...intercept, pullRequestUrl, isKept: keep !== null } : null,
    };
  }

  async list(teamId: string, filter: PreviewFilter, page: PageRequest): Promise<Page<Preview>> {
    const { where, ...order } = pageQuery('createdAt', page);
    const { trafficManagerId, interceptId, access, search, workload, client, isConnected } = filter;
    if (!isUuid(teamId) || (trafficManagerId !== undefined && !isUuid(trafficManagerId))) return emptyPage();
    if (![interceptId, search, workload, client].every((text) => text === undefined || isStorable(text)))
      return emptyPage();
    const connected = { trafficManager: { sessions: { some: { state: 'connected' as const } } } };
    const rows = await this.client.preview.findMany({
      where: {
        teamId,
        trafficManagerId,
        interceptId,
        access,
        intercept: {
          workload,
          client,
          ...(isConnected === true && connected),
          ...(isConnected === false && { NOT: connected }),
        },
        ...(search !== undefined && { OR: searched(search) }),
        ...where,
      },
      ...order,
    });
    return toPage(rows, page, (row) => row.createdAt, toPreview);
  }

  async count(teamId: string): Promise<number> {
    return isUuid(teamId) ? this.client.preview.count({ where: { teamId } }) : 0;
  }

  async update(teamId: string, id: string, change: PreviewChange): Promise<Preview | null> {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    const { ingress, addRequestHeaders, allowedEmails, allowedDomains, keep, ...columns } = change;
    const data = {
      ...columns,
      ...(ingress && ingressColumns(ingress)),
      ...(addRequestHeaders && { addRequestHeaders }),
      ...(allowedEmails && { allowedEmails: [...allowedEmails] }),
      ...(allowedDomains && { allowedDomains: [...allowedDomains] }),
      ...(keep !== undefined && keepColumns(keep)),
      updatedAt: new Date(),
    };
    const where = { teamId, id };
    if (keep === undefined) {
      const [updated] = await this.client.preview.updateManyAndReturn({ where, data });
      return updated ? toPreview(updated) : null;
    }
    return this.client.$transaction(async (tx) => {
      const [updated] = await tx.preview.updateManyAndReturn({ where, data });
      if (updated === undefined) return null;
      await removeExcess(tx, teamId, id);
      return toPreview(updated);
    });
  }

  async remove(teamId: string, id: string): Promise<Preview | null> {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    const preview = await this.find(teamId, id);
    if (preview === null) return null;
    try {
      await this.client.$transaction(async (tx) => {
        await keepRemoved(tx, preview);
        await freeHostnames(tx, teamId, [preview.hostname]);
        const { count } = await tx.preview.deleteMany({ where: { teamId, id } });
        if (count === 0) throw new RemovedByAnother();
      });
    } catch (error) {
      if (error instanceof RemovedByAnother) return null;
      throw error;
    }
    return preview;
  }

  async restore(teamId: string, interceptId: string, maxPreviews: number): Promise<Preview | null> {
    if (!isUuid(teamId) || !isStorable(interceptId)) return null;
    // Locked in the same order as when traffic managers request previews: team, intercept, memory, preview.
    return this.client.$transaction(async (tx) => {
      await refuseBeyondLimit(tx, teamId, maxPreviews);
      await tx.$queryRaw`
        SELECT 1 AS found FROM intercept WHERE team_id = ${teamId}::uuid AND id = ${interceptId} FOR UPDATE`;
      const intercept = await tx.intercept.findUnique({ where: { teamId_id: { teamId, id: interceptId } } });
      const removed = intercept && toIntercept(intercept).removedPreview;
      if (!intercept || !removed) return null;
      await dropRemovedPreview(tx, teamId, interceptId);
      await useHostname(tx, teamId, removed.hostname);
      const draft = { ...removed, interceptId, expiresAt: null };
      return this.insert(tx, teamId, intercept.trafficManagerId, draft);
    });
  }

  async recordUse(ids: readonly string[], at: Date): Promise<void> {
    const wellFormed = ids.filter(isUuid);
    if (wellFormed.length === 0) return;
    // Skips rows that are being changed: a statement over many rows that never waits cannot be part of a deadlock, and the
    // next minute brings the next use.
    await this.client.$executeRaw`
      UPDATE preview SET last_used_at = ${at} WHERE id IN (
        SELECT id FROM preview WHERE id = ANY(${wellFormed}::uuid[])
          AND (last_used_at IS NULL OR last_used_at < ${at}) FOR NO KEY UPDATE SKIP LOCKED)`;
  }

  async removeEnded(now: Date, max: number): Promise<EndedPreview[]> {
    // A preview that was never used counts from its creation.
    const found = await this.client.$queryRaw<
      (Pick<EndedPreview, 'reason'> & { id: string; teamId: string })[]
    >`
      SELECT id, team_id AS "teamId", reason FROM (
        SELECT p.id, p.team_id, CASE
          WHEN p.expires_at <= ${now} THEN 'expired'
          WHEN COALESCE(p.idle_expiry_seconds, t.preview_idle_expiry_seconds, 0) > 0
            AND COALESCE(p.last_used_at, p.created_at)
              + COALESCE(p.idle_expiry_seconds, t.preview_idle_expiry_seconds) * interval '1 second' <= ${now}
            THEN 'unused'
          WHEN p.ends_with_session AND NOT EXISTS (
            SELECT FROM session s WHERE s.team_id = p.team_id AND s.traffic_manager_id = p.traffic_manager_id
              AND s.state <> 'ended') THEN 'session_ended'
        END AS reason
        FROM preview p JOIN team t ON t.id = p.team_id
      ) AS judged WHERE reason IS NOT NULL LIMIT ${max}`;
    const ended: EndedPreview[] = [];
    for (const { id, teamId, reason } of found) {
      // Null: another process was faster, and announces it.
      const preview = await this.remove(teamId, id);
      if (preview !== null) ended.push({ preview, reason });
    }
    return ended;
  }

  /** Returns how exchanges are kept: never more than the policy of the team allows. */
  private async findKeeping(teamId: string, setting: KeepSetting | null): Promise<Keeping | null> {
    if (setting === null) return null;
    const team = await this.client.team.findUnique({ where: { id: teamId }, select: keepPolicyColumns });
    const policy = team && keepPolicyOf(team);
    if (!team || !policy) return null;
    return {
      count: Math.min(setting.count, policy.maxCount),
      hours: Math.min(setting.hours, policy.maxHours),
      bodies: policy.bodies,
      redactedNames: policy.redactedNames,
      policyVersion: team.keepPolicyVersion,
    };
  }

  private async insert(
    client: TransactionClient,
    teamId: string,
    trafficManagerId: string,
    { ingress, keep = null, ...columns }: PreviewDraft,
  ): Promise<Preview | null> {
    const now = new Date();
    try {
      const row = await client.preview.create({
        data: {
          ...columns,
          ...ingressColumns(ingress),
          ...keepColumns(keep),
          allowedEmails: [...columns.allowedEmails],
          allowedDomains: [...columns.allowedDomains],
          id: newId(),
          teamId,
          trafficManagerId,
          createdAt: now,
          updatedAt: now,
        },
      });
      return toPreview(row);
    } catch (error) {
      // The intercept was removed since it was found.
      if (isForeignKeyViolation(error)) return null;
      if (isUniqueViolation(error)) throw new HostnameTakenError(columns.hostname);
      throw error;
    }
  }
}

/** Rolls back a removal that another process already made. */
class RemovedByAnother extends Error {}

/**
 * Keeps what is needed to restore a preview, if a traffic manager received its hostname and may keep showing it. Call it
 * before the hostname is released and the preview removed.
 */
async function keepRemoved(tx: TransactionClient, preview: Preview): Promise<void> {
  const { teamId, interceptId, hostname } = preview;
  const {
    id: _id,
    teamId: _teamId,
    interceptId: _interceptId,
    trafficManagerId: _trafficManagerId,
    expiresAt: _expiresAt,
    lastUsedAt: _lastUsedAt,
    createdAt: _createdAt,
    updatedAt: _updatedAt,
    // A restored preview does not keep exchanges: the policy may have changed.
    keep: _keep,
    ...removed
  } = preview;
  const kept: RemovedPreview = removed;
  await tx.$executeRaw`
    UPDATE intercept SET removed_preview = ${JSON.stringify(kept)}::jsonb
    WHERE team_id = ${teamId}::uuid AND id = ${interceptId} AND EXISTS (
      SELECT FROM remembered_hostname WHERE team_id = ${teamId}::uuid AND hostname = ${hostname})`;
}

function searched(search: string) {
  // Prisma passes it to LIKE unchanged.
  const contains = { contains: search.replace(/[\\%_]/g, '\\$&'), mode: 'insensitive' as const };
  return [
    { hostname: contains },
    { pullRequestUrl: contains },
    { intercept: { name: contains } },
    { intercept: { workload: contains } },
    { intercept: { namespace: contains } },
    { intercept: { client: contains } },
  ];
}

async function refuseBeyondLimit(
  tx: TransactionClient,
  teamId: string,
  maxPreviews: number | undefined,
): Promise<void> {
  if (maxPreviews === undefined) return;
  await lockTeam(tx, teamId);
  await refuseBeyond('previews', maxPreviews, () => tx.preview.count({ where: { teamId } }));
}

export function ingressColumns(ingress: Preview['ingress']) {
  const { host, port, useTls, l5Host, verifyTls, protocol, addressedAs } = ingress;
  return {
    ingressHost: host,
    ingressPort: port,
    ingressUseTls: useTls,
    ingressL5Host: l5Host,
    ingressVerifyTls: verifyTls,
    ingressProtocol: protocol,
    ingressAddressedAs: addressedAs,
  };
}

/** Returns the columns of a setting. */
export function keepColumns(keep: KeepSetting | null) {
  return { keepCount: keep?.count ?? null, keepHours: keep?.hours ?? null };
}

function keepSetting({
  keepCount,
  keepHours,
}: Pick<PreviewModel, 'keepCount' | 'keepHours'>): KeepSetting | null {
  return keepCount === null || keepHours === null ? null : { count: keepCount, hours: keepHours };
}

export function toPreview({ keepCount, keepHours, ...row }: PreviewModel): Preview {
  return { ...withIngress(row), keep: keepSetting({ keepCount, keepHours }) };
}

function withIngress<Row extends Pick<PreviewModel, keyof typeof routeColumns>>(row: Row) {
  const {
    ingressHost,
    ingressPort,
    ingressUseTls,
    ingressL5Host,
    ingressVerifyTls,
    ingressProtocol,
    ingressAddressedAs,
    ...rest
  } = row;
  return {
    ...rest,
    ingress: {
      host: ingressHost,
      port: ingressPort,
      useTls: ingressUseTls,
      l5Host: ingressL5Host,
      verifyTls: ingressVerifyTls,
      protocol: ingressProtocol,
      addressedAs: ingressAddressedAs,
    },
    addRequestHeaders: row.addRequestHeaders as Record<string, string>,
  };
}
