import type {
  KeptExchange,
  KeptExchangeBatch,
  KeptExchangeKey,
  KeptExchangePage,
  KeptExchangeRepository,
} from '@culvert/domain';
import { type Client, isForeignKeyViolation } from '../client.js';
import type { KeptExchangeModel } from '../generated/models.js';
import { isUuid } from '../ids.js';
import { cursorOf, pageQuery } from '../page.js';

const HOUR_MS = 60 * 60 * 1000;

const HEAD_COLUMNS = {
  id: true,
  startedAt: true,
  keptAt: true,
  expiresAt: true,
  omitted: true,
  keyId: true,
  sealed: true,
} as const;

type HeadRow = Pick<KeptExchangeModel, keyof typeof HEAD_COLUMNS>;

export class PrismaKeptExchangeRepository implements KeptExchangeRepository {
  constructor(private readonly client: Client) {}

  async findKeys(teamId: string, previewId: string): Promise<KeptExchangeKey[]> {
    if (!isUuid(teamId) || !isUuid(previewId)) return [];
    return this.client.keptExchangeKey.findMany({
      where: { teamId, previewId },
      select: { id: true, sealedWith: true, sealed: true },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    });
  }

  async addKey(teamId: string, previewId: string, key: KeptExchangeKey): Promise<boolean> {
    if (!isUuid(teamId) || !isUuid(previewId)) return false;
    const { id, sealedWith, sealed } = key;
    try {
      await this.client.keptExchangeKey.create({
        data: { id, teamId, previewId, sealedWith, sealed: Uint8Array.from(sealed), createdAt: new Date() },
      });
      return true;
    } catch (error) {
      if (isForeignKeyViolation(error)) return false;
      throw error;
    }
  }

  async add(teamId: string, previewId: string, batch: KeptExchangeBatch): Promise<boolean> {
    if (!isUuid(teamId) || !isUuid(previewId) || batch.drafts.length === 0) return false;
    const { policyVersion, at, drafts } = batch;
    return this.client.$transaction(async (tx) => {
      // Exchanges of other teams wait behind this one.
      await tx.$executeRaw`SET LOCAL lock_timeout = '500ms'`;
      // Locked until the end, so that a change of the policy or the preview waits and then sees what was added here.
      const [setting] = await tx.$queryRaw<{ count: number; hours: number }[]>`
        SELECT LEAST(p.keep_count, t.keep_max_count) AS count, LEAST(p.keep_hours, t.keep_max_hours) AS hours
        FROM team t JOIN preview p ON p.team_id = t.id
        WHERE t.id = ${teamId}::uuid AND p.id = ${previewId}::uuid AND p.keep_count IS NOT NULL
          AND t.keep_max_count IS NOT NULL AND t.keep_policy_version = ${policyVersion}
        FOR SHARE OF t, p`;
      if (setting === undefined) return false;
      const expiresAt = new Date(at.getTime() + setting.hours * HOUR_MS);
      await tx.keptExchange.createMany({
        data: drafts.map(({ sealed, sealedBodies, ...draft }) => ({
          ...draft,
          teamId,
          previewId,
          keptAt: at,
          expiresAt,
          sealed: sealed && Uint8Array.from(sealed),
          sealedBodies: sealedBodies && Uint8Array.from(sealedBodies),
        })),
        skipDuplicates: true,
      });
      // By when they were kept: a WebSocket of an hour began before all others.
      // Rows that another edge is removing are skipped: two statements that wait for each other would be a deadlock.
      await tx.$executeRaw`
        DELETE FROM kept_exchange WHERE team_id = ${teamId}::uuid AND preview_id = ${previewId}::uuid AND id IN (
          SELECT id FROM kept_exchange WHERE team_id = ${teamId}::uuid AND preview_id = ${previewId}::uuid AND id IN (
            SELECT id FROM kept_exchange WHERE team_id = ${teamId}::uuid AND preview_id = ${previewId}::uuid
            ORDER BY kept_at DESC, started_at DESC, id DESC OFFSET ${setting.count})
          FOR UPDATE SKIP LOCKED)`;
      return true;
    });
  }

  async list(teamId: string, previewId: string, page: KeptExchangePage): Promise<KeptExchange[]> {
    const { limit, cursor, withBodies, from, until, now } = page;
    const { where, orderBy } = pageQuery('startedAt', { limit, cursor });
    if (!isUuid(teamId) || !isUuid(previewId)) return [];
    const query = {
      where: {
        teamId,
        previewId,
        expiresAt: { gt: now },
        startedAt: { gte: from, lt: until },
        ...where,
      },
      orderBy,
      take: limit,
    };
    if (withBodies) return (await this.client.keptExchange.findMany(query)).map(withCursor);
    const rows = await this.client.keptExchange.findMany({ ...query, select: HEAD_COLUMNS });
    const withSome = await this.client.keptExchange.findMany({
      where: { teamId, previewId, id: { in: rows.map(({ id }) => id) }, sealedBodies: { not: null } },
      select: { id: true },
    });
    const ids = new Set(withSome.map(({ id }) => id));
    return rows.map((row) => toKept(row, null, ids.has(row.id)));
  }

  async find(teamId: string, previewId: string, id: string, now: Date): Promise<KeptExchange | null> {
    if (!isUuid(teamId) || !isUuid(previewId) || !isUuid(id)) return null;
    const row = await this.client.keptExchange.findUnique({
      where: { teamId_previewId_id: { teamId, previewId, id }, expiresAt: { gt: now } },
    });
    return row && withCursor(row);
  }

  async remove(teamId: string, previewId: string, id: string): Promise<boolean> {
    if (!isUuid(teamId) || !isUuid(previewId) || !isUuid(id)) return false;
    const { count } = await this.client.keptExchange.deleteMany({ where: { teamId, previewId, id } });
    return count > 0;
  }

  async removeAll(teamId: string, previewId: string): Promise<number> {
    if (!isUuid(teamId) || !isUuid(previewId)) return 0;
    const { count } = await this.client.keptExchange.deleteMany({ where: { teamId, previewId } });
    return count;
  }

  async removeExpired(now: Date, max: number): Promise<number> {
    return this.client.$executeRaw`
      DELETE FROM kept_exchange WHERE (team_id, preview_id, id) IN (
        SELECT team_id, preview_id, id FROM kept_exchange WHERE expires_at <= ${now}
        ORDER BY expires_at LIMIT ${max} FOR UPDATE SKIP LOCKED)`;
  }

  async findKeysToReseal(currentKeyId: string, max: number, afterId: string | null) {
    return this.client.keptExchangeKey.findMany({
      where: { sealedWith: { not: currentKeyId }, ...(afterId !== null && { id: { gt: afterId } }) },
      select: { id: true, teamId: true, previewId: true, sealedWith: true, sealed: true },
      orderBy: { id: 'asc' },
      take: max,
    });
  }

  async replaceKey(teamId: string, { id, sealedWith, sealed }: KeptExchangeKey): Promise<void> {
    if (!isUuid(teamId) || !isUuid(id)) return;
    await this.client.keptExchangeKey.updateMany({
      where: { teamId, id },
      data: { sealedWith, sealed: Uint8Array.from(sealed) },
    });
  }
}

function withCursor({ sealedBodies, ...row }: KeptExchangeModel): KeptExchange {
  return toKept(row, sealedBodies, sealedBodies !== null);
}

function toKept(row: HeadRow, sealedBodies: Uint8Array | null, hasBodies: boolean): KeptExchange {
  const { id, startedAt, keptAt, expiresAt, omitted, keyId, sealed } = row;
  const cursor = cursorOf(startedAt, id);
  return { id, startedAt, keptAt, expiresAt, omitted, keyId, sealed, sealedBodies, hasBodies, cursor };
}
