import {
  AuthorityLostError,
  SCOPES,
  endsTokens,
  type ApiKey,
  type Authority,
  type ClaimCondition,
  type Making,
  type Page,
  type PageRequest,
  type WorkloadIdentity,
  type WorkloadIdentityChange,
  type WorkloadIdentityDraft,
  type WorkloadIdentityRepository,
  type WorkloadPlatform,
  type WorkloadTokenDraft,
} from '@culvert/domain';
import type { Client, TransactionClient } from '../client.js';
import type { Prisma } from '../generated/client.js';
import type { WorkloadIdentityModel } from '../generated/models.js';
import { isUuid, newId } from '../ids.js';
import { emptyPage, pageQuery, toPage } from '../page.js';
import { insertApiKey, revokeAll, usableApiKey } from './api-key.repository.js';
import { lockTeam, refuseBeyond } from './lock-team.js';
import { lockTeamAs } from './standing.js';

const NEEDED = ['team:write'] as const;

export class PrismaWorkloadIdentityRepository implements WorkloadIdentityRepository {
  constructor(private readonly client: Client) {}

  async create(teamId: string, draft: WorkloadIdentityDraft, { by, max }: Making): Promise<WorkloadIdentity> {
    return this.client.$transaction(async (tx) => {
      const { userId } = await lockTeamAs(tx, teamId, by, [...NEEDED, ...draft.scopes]);
      await refuseBeyond('workload identities', max, () => tx.workloadIdentity.count({ where: { teamId } }));
      const row = await tx.workloadIdentity.create({
        data: { id: newId(), teamId, createdByUserId: userId, createdAt: new Date(), ...toColumns(draft) },
      });
      return toIdentity(row);
    });
  }

  async list(teamId: string, page: PageRequest): Promise<Page<WorkloadIdentity>> {
    const { where, ...order } = pageQuery('createdAt', page);
    if (!isUuid(teamId)) return emptyPage();
    const rows = await this.client.workloadIdentity.findMany({ where: { teamId, ...where }, ...order });
    return toPage(rows, page, (row) => row.createdAt, toIdentity);
  }

  async find(teamId: string, id: string): Promise<WorkloadIdentity | null> {
    return isUuid(teamId) ? findIn(this.client, teamId, id) : null;
  }

  async findById(id: string): Promise<WorkloadIdentity | null> {
    if (!isUuid(id)) return null;
    const row = await this.client.workloadIdentity.findUnique({ where: { id } });
    return row && toIdentity(row);
  }

  async update(
    teamId: string,
    id: string,
    change: WorkloadIdentityChange,
    options: { by: Authority; now: Date; check: (after: WorkloadIdentity) => void },
  ) {
    if (!isUuid(teamId)) return null;
    return this.client.$transaction(async (tx) => {
      const { scopes } = await lockTeamAs(tx, teamId, options.by, NEEDED);
      const before = await findIn(tx, teamId, id);
      if (before === null) return null;
      const wanted = { ...before, ...change };
      options.check(wanted);
      const missing = wanted.scopes.filter((scope) => !scopes.includes(scope));
      if (missing.length > 0 && !isHarmless(change)) throw new AuthorityLostError('insufficient', missing);
      const row = await tx.workloadIdentity.update({
        where: { teamId_id: { teamId, id } },
        data: { ...toColumns(change), revision: { increment: 1 } },
      });
      const revokedApiKeyIds = endsTokens(change) ? await endTokensOf(tx, id, options.now) : [];
      return { before, after: toIdentity(row), revokedApiKeyIds };
    });
  }

  async remove(teamId: string, id: string, { by, now }: { by: Authority; now: Date }) {
    if (!isUuid(teamId)) return null;
    return this.client.$transaction(async (tx) => {
      await lockTeamAs(tx, teamId, by, NEEDED);
      const removed = await findIn(tx, teamId, id);
      if (removed === null) return null;
      await tx.workloadIdentity.delete({ where: { teamId_id: { teamId, id } } });
      return { removed, revokedApiKeyIds: await endTokensOf(tx, id, now) };
    });
  }

  async issueToken(identity: WorkloadIdentity, draft: WorkloadTokenDraft) {
    const { teamId, id, revision } = identity;
    const { subject, now, max, hash, hint } = draft;
    return this.client.$transaction(async (tx) => {
      await lockTeam(tx, teamId);
      const current = await findIn(tx, teamId, id);
      if (current === null || !current.isEnabled || current.revision !== revision) return null;
      const revokedApiKeyIds = await endOldest(tx, id, max, now);
      await tx.workloadIdentity.update({
        where: { teamId_id: { teamId, id } },
        data: { lastUsedAt: now, lastUsedSubject: subject },
      });
      const expiresAt = new Date(now.getTime() + current.tokenLifetimeSeconds * 1000);
      const { scopes } = current;
      const token = await insertApiKey(tx, teamId, {
        name: subject,
        hash,
        hint,
        scopes,
        expiresAt,
        workloadIdentityId: id,
      });
      return { token, revokedApiKeyIds };
    });
  }

  async revokeToken(hash: string, at: Date): Promise<Pick<ApiKey, 'id' | 'teamId'> | null> {
    const [revoked] = await this.client.apiKey.updateManyAndReturn({
      where: { hash, workloadIdentityId: { not: null }, ...usableApiKey(at) },
      data: { revokedAt: at },
      select: { id: true, teamId: true },
    });
    return revoked ?? null;
  }

  async removeEndedTokens(before: Date): Promise<void> {
    await this.client.$executeRaw`
      DELETE FROM api_key k
      WHERE k.workload_identity_id IS NOT NULL AND k.expires_at < ${before}
        AND NOT EXISTS (SELECT 1 FROM session s WHERE s.team_id = k.team_id AND s.api_key_id = k.id)`;
  }
}

/** Whether a change passes no permission on: it only renames or disables. */
function isHarmless({ name: _name, isEnabled, ...others }: WorkloadIdentityChange): boolean {
  return isEnabled !== true && Object.keys(others).length === 0;
}

async function findIn(
  client: Client | TransactionClient,
  teamId: string,
  id: string,
): Promise<WorkloadIdentity | null> {
  if (!isUuid(id)) return null;
  const row = await client.workloadIdentity.findUnique({ where: { teamId_id: { teamId, id } } });
  return row && toIdentity(row);
}

/** Makes room for one more token, and returns the IDs of those that worked until now. */
async function endOldest(tx: TransactionClient, id: string, max: number, at: Date): Promise<string[]> {
  const working = await tx.apiKey.findMany({
    where: { workloadIdentityId: id, ...usableApiKey(at) },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    select: { id: true },
    skip: max - 1,
  });
  return revokeAll(
    tx,
    working.map((token) => token.id),
    at,
  );
}

/** Returns the IDs of the tokens that worked until now. */
async function endTokensOf(tx: TransactionClient, id: string, at: Date): Promise<string[]> {
  const where = { workloadIdentityId: id, ...usableApiKey(at) };
  const tokens = await tx.apiKey.findMany({ where, select: { id: true } });
  return revokeAll(
    tx,
    tokens.map((token) => token.id),
    at,
  );
}

function toColumns<Change extends WorkloadIdentityChange>({ conditions, scopes, ...change }: Change) {
  return {
    ...change,
    ...(conditions && { conditions: conditions as unknown as Prisma.InputJsonArray }),
    ...(scopes && { scopes: [...scopes] }),
  } as Omit<Change, 'conditions' | 'scopes'> & { conditions: Prisma.InputJsonArray; scopes: string[] };
}

function toIdentity({ conditions, scopes, platform, ...row }: WorkloadIdentityModel): WorkloadIdentity {
  return {
    ...row,
    platform: platform as WorkloadPlatform,
    conditions: conditions as unknown as ClaimCondition[],
    // An unknown scope, such as one of a newer version, has no effect here.
    scopes: SCOPES.filter((scope) => scopes.includes(scope)),
  };
}
