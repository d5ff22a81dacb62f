import {
  mayChangeRole,
  scopesOfRole,
  type Member,
  type MemberRepository,
  type MembershipChange,
  type MembershipOutcome,
  type Role,
} from '@culvert/domain';
import type { Client, TransactionClient } from '../client.js';
import { isUuid } from '../ids.js';
import { revokeAll, withDescendants } from './api-key.repository.js';
import { lockTeam } from './lock-team.js';
import { lockTeamAs } from './standing.js';

const columns = {
  userId: true,
  role: true,
  createdAt: true,
  user: { select: { email: true, name: true } },
} as const;

export class PrismaMemberRepository implements MemberRepository {
  constructor(private readonly client: Client) {}

  async list(teamId: string): Promise<Member[]> {
    if (!isUuid(teamId)) return [];
    const rows = await this.client.membership.findMany({
      where: { teamId },
      select: columns,
      orderBy: [{ createdAt: 'asc' }, { userId: 'asc' }],
    });
    return rows.map(toMember);
  }

  async find(teamId: string, userId: string): Promise<Member | null> {
    if (!isUuid(teamId) || !isUuid(userId)) return null;
    return findMember(this.client, teamId, userId);
  }

  async change(teamId: string, userId: string, change: MembershipChange): Promise<MembershipOutcome> {
    if (!isUuid(teamId) || !isUuid(userId)) return { ok: false, reason: 'not_found' };
    return this.client.$transaction(async (tx): Promise<MembershipOutcome> => {
      const { role, by } = change;
      const power = by === 'self' ? by : (await lockTeamAs(tx, teamId, by, ['team:write'])).power;
      if (by === 'self') await lockTeam(tx, teamId);
      const before = await findMember(tx, teamId, userId);
      if (before === null) return { ok: false, reason: 'not_found' };
      const isPermitted =
        power === 'self' ? isStepDown(before.role, role) : mayChangeRole(power, before.role, role);
      if (!isPermitted) return { ok: false, reason: 'not_permitted' };
      if (before.role === 'owner' && role !== 'owner') {
        const owners = await tx.membership.count({ where: { teamId, role: 'owner' } });
        if (owners <= 1) return { ok: false, reason: 'last_owner' };
      }
      const where = { teamId_userId: { teamId, userId } };
      if (role === null) await tx.membership.delete({ where, select: { userId: true } });
      else await tx.membership.update({ where, data: { role }, select: { userId: true } });
      return {
        ok: true,
        before,
        after: role === null ? null : { ...before, role },
        revokedApiKeyIds: await revokeBeyond(tx, teamId, userId, change),
      };
    });
  }
}

const RANK: Readonly<Record<Role, number>> = { owner: 2, admin: 1, member: 0 };

function isStepDown(from: Role, to: Role | null): boolean {
  return to === null || RANK[to] <= RANK[from];
}

async function findMember(
  client: Client | TransactionClient,
  teamId: string,
  userId: string,
): Promise<Member | null> {
  const row = await client.membership.findUnique({
    where: { teamId_userId: { teamId, userId } },
    select: columns,
  });
  return row && toMember(row);
}

/** Revokes the keys of a person that permit more than the person's current role, and the keys that those created. */
async function revokeBeyond(
  tx: TransactionClient,
  teamId: string,
  userId: string,
  { role, at }: MembershipChange,
): Promise<string[]> {
  const allowed = role === null ? [] : [...scopesOfRole(role)];
  const beyond = await tx.$queryRaw<{ id: string }[]>`
    SELECT id FROM api_key
    WHERE team_id = ${teamId}::uuid AND created_by_user_id = ${userId}::uuid AND revoked_at IS NULL
      AND (${role === null} OR NOT scopes <@ ${allowed}::text[])`;
  const ids = beyond.map(({ id }) => id);
  return revokeAll(tx, await withDescendants(tx, teamId, ids), at);
}

function toMember(row: {
  readonly userId: string;
  readonly role: Role;
  readonly createdAt: Date;
  readonly user: { readonly email: string; readonly name: string };
}): Member {
  return { userId: row.userId, ...row.user, role: row.role, joinedAt: row.createdAt };
}
