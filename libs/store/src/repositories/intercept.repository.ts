import {
  InterceptIdTakenError,
  type Intercept,
  type InterceptDraft,
  type InterceptRepository,
  type Page,
  type PageRequest,
  type RemovedPreview,
} from '@culvert/domain';
import { isForeignKeyViolation, isUniqueViolation, type Client, type TransactionClient } from '../client.js';
import { isUuid } from '../ids.js';
import { emptyPage, pageQuery, toPage } from '../page.js';
import { isStorable } from '../text.js';
import { Prisma } from '../generated/client.js';
import type { InterceptModel } from '../generated/models.js';
import { freeHostnames } from './remembered-hostnames.js';

export class PrismaInterceptRepository implements InterceptRepository {
  constructor(private readonly client: Client) {}

  async create(teamId: string, id: string, draft: InterceptDraft): Promise<Intercept | null> {
    return insertIntercept(this.client, teamId, id, draft);
  }

  async find(teamId: string, id: string): Promise<Intercept | null> {
    if (!isUuid(teamId) || !isStorable(id)) return null;
    const row = await this.client.intercept.findUnique({ where: { teamId_id: { teamId, id } } });
    return row && toIntercept(row);
  }

  async findMany(teamId: string, ids: readonly string[]): Promise<Intercept[]> {
    if (!isUuid(teamId)) return [];
    const rows = await this.client.intercept.findMany({
      where: { teamId, id: { in: ids.filter(isStorable) } },
    });
    return rows.map(toIntercept);
  }

  async list(
    teamId: string,
    { trafficManagerId }: { readonly trafficManagerId?: string | undefined },
    page: PageRequest,
  ): Promise<Page<Intercept>> {
    const { where, ...order } = pageQuery('createdAt', page, isStorable);
    if (!isUuid(teamId) || (trafficManagerId !== undefined && !isUuid(trafficManagerId))) return emptyPage();
    const rows = await this.client.intercept.findMany({
      where: { teamId, trafficManagerId, ...where },
      ...order,
    });
    return toPage(rows, page, (row) => row.createdAt, toIntercept);
  }

  async update(
    teamId: string,
    id: string,
    change: Partial<Omit<InterceptDraft, 'trafficManagerId'>>,
  ): Promise<Intercept | null> {
    if (!isUuid(teamId) || !isStorable(id)) return null;
    const { mechanismArgs, metadata, headers, ...columns } = change;
    const [updated] = await this.client.intercept.updateManyAndReturn({
      where: { teamId, id },
      data: {
        ...columns,
        ...(mechanismArgs && { mechanismArgs: [...mechanismArgs] }),
        ...(metadata && { metadata }),
        ...(headers && { headers }),
        updatedAt: new Date(),
      },
    });
    return updated ? toIntercept(updated) : null;
  }

  async remove(teamId: string, id: string): Promise<string[] | null> {
    if (!isUuid(teamId) || !isStorable(id)) return null;
    return this.client.$transaction(async (tx) => {
      // The lock keeps new previews out until the hostnames are read and the intercept is removed.
      const found = await tx.$queryRaw<unknown[]>`
        SELECT 1 AS found FROM intercept WHERE team_id = ${teamId}::uuid AND id = ${id} FOR UPDATE`;
      if (found.length === 0) return null;
      const previews = await tx.preview.findMany({
        where: { teamId, interceptId: id },
        select: { hostname: true },
      });
      const hostnames = previews.map(({ hostname }) => hostname);
      await freeHostnames(tx, teamId, hostnames);
      await tx.intercept.deleteMany({ where: { teamId, id } });
      return hostnames;
    });
  }
}

/** Stores a new intercept, on its own or as part of a transaction. Null if there is no such traffic manager. */
export async function insertIntercept(
  client: Client | TransactionClient,
  teamId: string,
  id: string,
  draft: InterceptDraft,
): Promise<Intercept | null> {
  if (!isUuid(teamId) || !isUuid(draft.trafficManagerId)) return null;
  const now = new Date();
  try {
    const row = await client.intercept.create({
      data: {
        ...draft,
        mechanismArgs: [...draft.mechanismArgs],
        id,
        teamId,
        createdAt: now,
        updatedAt: now,
      },
    });
    return toIntercept(row);
  } catch (error) {
    if (isForeignKeyViolation(error)) return null;
    if (isUniqueViolation(error)) throw new InterceptIdTakenError(id);
    throw error;
  }
}

/** `hostname`: only if it is that of the removed preview. Reports whether there was one. */
export async function dropRemovedPreview(
  client: Client | TransactionClient,
  teamId: string,
  id: string,
  hostname?: string,
): Promise<boolean> {
  const removedPreview =
    hostname === undefined ? { not: Prisma.DbNull } : { path: ['hostname'], equals: hostname };
  const { count } = await client.intercept.updateMany({
    where: { teamId, id, removedPreview },
    data: { removedPreview: Prisma.DbNull },
  });
  return count > 0;
}

export function toIntercept(row: InterceptModel): Intercept {
  return {
    ...row,
    metadata: row.metadata as Record<string, string>,
    headers: row.headers as Record<string, string>,
    removedPreview: row.removedPreview as RemovedPreview | null,
  };
}
