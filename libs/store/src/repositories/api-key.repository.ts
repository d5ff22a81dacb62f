import {
  SCOPES,
  AuthorityLostError,
  isApiKeyUsable,
  type ApiKey,
  type ApiKeyDraft,
  type ApiKeyRepository,
  type Making,
  type Page,
  type PageRequest,
} from '@culvert/domain';
import type { Client, TransactionClient } from '../client.js';
import { isUuid, newId } from '../ids.js';
import { emptyPage, pageQuery, toPage } from '../page.js';
import { isStorable } from '../text.js';
import { lockTeam, refuseBeyond } from './lock-team.js';
import { lockTeamAs, scopesOfKey, type Standing } from './standing.js';

// Tokens of workload identities are rows of this table that no list of keys shows.
const isKey = { workloadIdentityId: null } as const;
// A hash stays in the database: no code outside compares it.
const withoutHash = { hash: true } as const;

export class PrismaApiKeyRepository implements ApiKeyRepository {
  constructor(private readonly client: Client) {}

  async create(teamId: string, draft: ApiKeyDraft, making?: Making): Promise<ApiKey> {
    if (making === undefined) return insertApiKey(this.client, teamId, draft);
    return this.client.$transaction(async (tx) => {
      const maker = await lockTeamAs(tx, teamId, making.by, ['keys:write', ...draft.scopes]);
      await refuseBeyondLimit(tx, teamId, making.max, new Date());
      return insertApiKey(tx, teamId, madeBy(maker, draft));
    });
  }

  async replace(
    teamId: string,
    id: string,
    draft: Omit<ApiKeyDraft, 'scopes'>,
    { oldExpiresAt, now, by, max }: { readonly oldExpiresAt: Date; readonly now: Date } & Making,
  ) {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    return this.client.$transaction(async (tx) => {
      const maker = await lockTeamAs(tx, teamId, by, ['keys:write']);
      const old = await tx.apiKey.findUnique({ where: { teamId_id: { teamId, id } } });
      if (old === null || old.workloadIdentityId !== null || !isApiKeyUsable(old, now)) return null;
      if ((await tx.apiKey.count({ where: { teamId, replacesId: id } })) > 0) return null;
      const { scopes } = toApiKey(old);
      const missing = scopes.filter((scope) => !maker.scopes.includes(scope));
      if (missing.length > 0) throw new AuthorityLostError('insufficient', missing);
      const rotatesItself = maker.apiKeyId === id;
      const family = await withDescendants(tx, teamId, [id]);
      if (!rotatesItself && maker.apiKeyId !== null && family.includes(maker.apiKeyId)) return 'maker';
      const endsNow = oldExpiresAt <= now;
      const revokedApiKeyIds = endsNow ? await revokeAll(tx, family, now) : [];
      if (!endsNow) await expireAll(tx, family, oldExpiresAt);
      await refuseBeyondLimit(tx, teamId, max, now);
      const made = madeBy(maker, { ...draft, scopes });
      const createdByApiKeyId = rotatesItself ? old.createdByApiKeyId : made.createdByApiKeyId;
      const apiKey = await insertApiKey(tx, teamId, { ...made, createdByApiKeyId }, id);
      return { apiKey, revokedApiKeyIds };
    });
  }

  async find(teamId: string, id: string): Promise<ApiKey | null> {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    const row = await this.client.apiKey.findUnique({
      where: { teamId_id: { teamId, id }, ...isKey },
      omit: withoutHash,
    });
    return row && toApiKey(row);
  }

  async findByHash(hash: string): Promise<ApiKey | null> {
    if (!isStorable(hash)) return null;
    const row = await this.client.apiKey.findUnique({ where: { hash }, omit: withoutHash });
    const scopes = row && (await scopesOfKey(this.client, row));
    return scopes && { ...row, scopes };
  }

  async findUnusable(ids: readonly string[], now: Date): Promise<string[]> {
    const wellFormed = ids.filter(isUuid);
    // One array parameter: a list of parameters would end at Postgres's 65,535.
    const usable = await this.client.$queryRaw<{ id: string }[]>`
      SELECT k.id FROM api_key k
      WHERE k.id = ANY(${wellFormed}::uuid[]) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ${now})
        AND (created_by_user_id IS NULL OR EXISTS (
          SELECT 1 FROM membership m WHERE m.team_id = k.team_id AND m.user_id = k.created_by_user_id))`;
    const usableIds = new Set(usable.map(({ id }) => id));
    return ids.filter((id) => !usableIds.has(id.toLowerCase()));
  }

  async list(teamId: string, page: PageRequest): Promise<Page<ApiKey>> {
    const { where, ...order } = pageQuery('createdAt', page);
    if (!isUuid(teamId)) return emptyPage();
    const rows = await this.client.apiKey.findMany({
      where: { teamId, ...isKey, ...where },
      omit: withoutHash,
      ...order,
    });
    return toPage(rows, page, (row) => row.createdAt, toApiKey);
  }

  async rename(teamId: string, id: string, name: string): Promise<ApiKey | null> {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    const [renamed] = await this.client.apiKey.updateManyAndReturn({
      where: { teamId, id, ...isKey },
      data: { name },
      omit: withoutHash,
    });
    return renamed ? toApiKey(renamed) : null;
  }

  async revoke(teamId: string, id: string, at: Date) {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    if ((await this.find(teamId, id)) === null) return null;
    const revokedApiKeyIds = await this.client.$transaction(async (tx) => {
      await lockTeam(tx, teamId);
      return revokeAll(tx, await withDescendants(tx, teamId, [id]), at);
    });
    const apiKey = await this.find(teamId, id);
    return apiKey && { apiKey, revokedApiKeyIds };
  }

  async revokeAllOf(userId: string, at: Date): Promise<{ id: string; teamId: string }[]> {
    if (!isUuid(userId)) return [];
    const memberships = await this.client.membership.findMany({
      where: { userId },
      select: { teamId: true },
    });
    const revoked: { id: string; teamId: string }[] = [];
    for (const { teamId } of memberships) {
      // A key created by a key has the permissions of the same person, so these are all of them.
      const keys = await this.client.$transaction(async (tx) => {
        await lockTeam(tx, teamId);
        return tx.apiKey.updateManyAndReturn({
          where: { teamId, createdByUserId: userId, revokedAt: null },
          data: { revokedAt: at },
          select: { id: true, teamId: true },
        });
      });
      revoked.push(...keys);
    }
    return revoked;
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

/** Returns the condition of `isApiKeyUsable`. */
export function usableApiKey(now: Date) {
  return { revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] };
}

/**
 * The keys with these ids in this team, and every key that one of them created, directly or indirectly. The set is complete
 * only for keys that exist when the team's lock is held.
 */
export async function withDescendants(
  tx: TransactionClient,
  teamId: string,
  ids: readonly string[],
): Promise<string[]> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    WITH RECURSIVE family AS (
      SELECT id FROM api_key WHERE team_id = ${teamId}::uuid AND id = ANY(${ids}::uuid[])
      UNION
      SELECT k.id FROM api_key k JOIN family f ON k.created_by_api_key_id = f.id WHERE k.team_id = ${teamId}::uuid)
    SELECT id FROM family`;
  return rows.map(({ id }) => id);
}

/** Returns the ids of those that were not revoked before. */
export async function revokeAll(tx: TransactionClient, ids: readonly string[], at: Date): Promise<string[]> {
  if (ids.length === 0) return [];
  const revoked = await tx.$queryRaw<{ id: string }[]>`
    UPDATE api_key SET revoked_at = ${at} WHERE id = ANY(${ids}::uuid[]) AND revoked_at IS NULL RETURNING id`;
  return revoked.map(({ id }) => id);
}

/** Keys that end earlier keep their end. */
async function expireAll(tx: TransactionClient, ids: readonly string[], at: Date): Promise<void> {
  await tx.$executeRaw`
    UPDATE api_key SET expires_at = LEAST(expires_at, ${at}) WHERE id = ANY(${ids}::uuid[])`;
}

async function refuseBeyondLimit(
  tx: TransactionClient,
  teamId: string,
  max: number,
  now: Date,
): Promise<void> {
  const where = { teamId, ...isKey, ...usableApiKey(now) };
  await refuseBeyond('api keys', max, () => tx.apiKey.count({ where }));
}

/** A key ends no later than the key that creates it. */
function madeBy({ userId, apiKeyId, expiresAt }: Standing, draft: ApiKeyDraft): ApiKeyDraft {
  const outlives = expiresAt !== null && (draft.expiresAt === null || draft.expiresAt > expiresAt);
  return {
    ...draft,
    expiresAt: outlives ? expiresAt : draft.expiresAt,
    createdByUserId: userId,
    createdByApiKeyId: apiKeyId,
  };
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
  // An unknown scope, such as one of a newer version, has no effect here.
  return { ...row, scopes: SCOPES.filter((scope) => row.scopes.includes(scope)) };
}
