import {
  API_KEY_SCOPES,
  type ApiKey,
  type ApiKeyDraft,
  type ApiKeyRepository,
  type Page,
  type PageRequest,
} from '@culvert/domain';
import { isUniqueViolation, type Client, type TransactionClient } from '../client.js';
import { isUuid, newId } from '../ids.js';
import { emptyPage, pageQuery, toPage } from '../page.js';
import { isStorable } from '../text.js';
import { lockTeam, refuseBeyond } from './lock-team.js';

// A hash stays in the database: nothing outside compares it.
const withoutHash = { hash: true } as const;

export class PrismaApiKeyRepository implements ApiKeyRepository {
  constructor(private readonly client: Client) {}

  async create(teamId: string, draft: ApiKeyDraft, maxKeys?: number): Promise<ApiKey> {
    if (maxKeys === undefined) return insertApiKey(this.client, teamId, draft);
    return this.client.$transaction(async (tx) => {
      await lockTeam(tx, teamId);
      const where = { teamId, ...usableApiKey(new Date()) };
      await refuseBeyond('api keys', maxKeys, () => tx.apiKey.count({ where }));
      return insertApiKey(tx, teamId, draft);
    });
  }

  async replace(
    teamId: string,
    id: string,
    draft: ApiKeyDraft,
    { oldExpiresAt, now }: { readonly oldExpiresAt: Date; readonly now: Date },
  ): Promise<ApiKey | null> {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    try {
      return await this.client.$transaction(async (tx) => {
        const shortened = await tx.$queryRaw<unknown[]>`
          UPDATE api_key SET expires_at = LEAST(expires_at, ${oldExpiresAt})
          WHERE team_id = ${teamId}::uuid AND id = ${id}::uuid
            AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ${now})
          RETURNING 1 AS found`;
        return shortened.length === 0 ? null : insertApiKey(tx, teamId, draft, id);
      });
    } catch (error) {
      // It has been replaced before.
      if (isUniqueViolation(error)) return null;
      throw error;
    }
  }

  async find(teamId: string, id: string): Promise<ApiKey | null> {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    const row = await this.client.apiKey.findUnique({
      where: { teamId_id: { teamId, id } },
      omit: withoutHash,
    });
    return row && toApiKey(row);
  }

  async findByHash(hash: string): Promise<ApiKey | null> {
    if (!isStorable(hash)) return null;
    const row = await this.client.apiKey.findUnique({ where: { hash }, omit: withoutHash });
    return row && toApiKey(row);
  }

  async findUnusable(ids: readonly string[], now: Date): Promise<string[]> {
    const wellFormed = ids.filter(isUuid);
    // One array parameter: a list of parameters would end at Postgres's 65,535.
    const usable = await this.client.$queryRaw<{ id: string }[]>`
      SELECT id FROM api_key
      WHERE id = ANY(${wellFormed}::uuid[]) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ${now})`;
    const usableIds = new Set(usable.map(({ id }) => id));
    return ids.filter((id) => !usableIds.has(id.toLowerCase()));
  }

  async list(teamId: string, page: PageRequest): Promise<Page<ApiKey>> {
    const { where, ...order } = pageQuery('createdAt', page);
    if (!isUuid(teamId)) return emptyPage();
    const rows = await this.client.apiKey.findMany({
      where: { teamId, ...where },
      omit: withoutHash,
      ...order,
    });
    return toPage(rows, page, (row) => row.createdAt, toApiKey);
  }

  async rename(teamId: string, id: string, name: string): Promise<ApiKey | null> {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    const [renamed] = await this.client.apiKey.updateManyAndReturn({
      where: { teamId, id },
      data: { name },
      omit: withoutHash,
    });
    return renamed ? toApiKey(renamed) : null;
  }

  async revoke(teamId: string, id: string, at: Date): Promise<ApiKey | null> {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    // The condition is part of the update, so that of two revocations at once the first date stays.
    await this.client.apiKey.updateMany({ where: { teamId, id, revokedAt: null }, data: { revokedAt: at } });
    return this.find(teamId, id);
  }

  async recordUse(id: string, at: Date, address: string | null = null): Promise<void> {
    if (!isUuid(id)) return;
    await this.client.apiKey.updateMany({
      where: { id, OR: [{ lastUsedAt: null }, { lastUsedAt: { lt: at } }] },
      data: { lastUsedAt: at, lastUsedAddress: address },
    });
  }

  async prolongUse(ids: readonly string[], at: Date, unlessSince: Date): Promise<void> {
    const wellFormed = ids.filter(isUuid);
    if (wellFormed.length === 0) return;
    await this.client.$executeRaw`
      UPDATE api_key SET last_used_at = ${at}
      WHERE id = ANY(${wellFormed}::uuid[]) AND (last_used_at IS NULL OR last_used_at < ${unlessSince})`;
  }
}

/** The condition of `isApiKeyUsable`. */
export function usableApiKey(now: Date) {
  return { revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] };
}

/** Stores a new key, on its own or as part of a transaction. */
export async function insertApiKey(
  client: Client | TransactionClient,
  teamId: string,
  draft: ApiKeyDraft,
  replacesId: string | null = null,
): Promise<ApiKey> {
  const row = await client.apiKey.create({
    data: { ...draft, scopes: [...draft.scopes], id: newId(), teamId, replacesId, createdAt: new Date() },
    omit: withoutHash,
  });
  return toApiKey(row);
}

function toApiKey(row: Omit<ApiKey, 'scopes'> & { scopes: string[] }): ApiKey {
  // A scope that this version does not know permits nothing here.
  return { ...row, scopes: API_KEY_SCOPES.filter((scope) => row.scopes.includes(scope)) };
}
