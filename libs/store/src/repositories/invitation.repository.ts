import {
  AuthorityLostError,
  mayChangeRole,
  type Authority,
  type Invitation,
  type InvitationDraft,
  type InvitationRepository,
  type Making,
  type Membership,
  type Page,
  type PageRequest,
  type Role,
  type Team,
  type User,
} from '@culvert/domain';
import { isUniqueViolation, type Client, type TransactionClient } from '../client.js';
import { isUuid, newId } from '../ids.js';
import { emptyPage, pageQuery, toPage } from '../page.js';
import { isStorable } from '../text.js';
import { toTeam } from './team.repository.js';
import { lockTeam, refuseBeyond } from './lock-team.js';
import { lockTeamAs, type Standing } from './standing.js';
import { createUnverifiedUser } from './user.repository.js';

const withoutToken = { tokenHash: true } as const;

export class PrismaInvitationRepository implements InvitationRepository {
  constructor(private readonly client: Client) {}

  async create(
    teamId: string,
    draft: InvitationDraft,
    { by, max }: Making,
  ): Promise<Invitation | 'member' | null> {
    try {
      return await this.client.$transaction(async (tx) => {
        const inviter = await lockTeamAs(tx, teamId, by, ['team:write']);
        refuseRole(inviter, draft.role);
        const member = await tx.membership.findFirst({
          where: { teamId, user: { email: draft.email } },
          select: { userId: true },
        });
        if (member !== null) return 'member';
        await refuseBeyond('invitations', max, () => tx.invitation.count({ where: { teamId } }));
        return tx.invitation.create({
          data: { ...draft, id: newId(), teamId, createdByUserId: inviter.userId, createdAt: new Date() },
          omit: withoutToken,
        });
      });
    } catch (error) {
      if (isUniqueViolation(error)) return null;
      throw error;
    }
  }

  async find(teamId: string, id: string): Promise<Invitation | null> {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    return this.client.invitation.findUnique({ where: { id, teamId }, omit: withoutToken });
  }

  async list(teamId: string, page: PageRequest): Promise<Page<Invitation>> {
    const { where, ...order } = pageQuery('createdAt', page);
    if (!isUuid(teamId)) return emptyPage();
    const rows = await this.client.invitation.findMany({
      where: { teamId, ...where },
      omit: withoutToken,
      ...order,
    });
    return toPage(
      rows,
      page,
      (row) => row.createdAt,
      (row) => row,
    );
  }

  async renew(
    teamId: string,
    id: string,
    renewal: Pick<InvitationDraft, 'tokenHash' | 'expiresAt'>,
    by: Authority,
  ): Promise<Invitation | null> {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    return this.client.$transaction(async (tx) => {
      const inviter = await lockTeamAs(tx, teamId, by, ['team:write']);
      const before = await tx.invitation.findUnique({ where: { id, teamId }, select: { role: true } });
      if (before === null) return null;
      refuseRole(inviter, before.role);
      const [renewed] = await tx.invitation.updateManyAndReturn({
        where: { teamId, id },
        data: { ...renewal, createdByUserId: inviter.userId },
        omit: withoutToken,
      });
      return renewed ?? null;
    });
  }

  async remove(teamId: string, id: string): Promise<Invitation | null> {
    const invitation = await this.find(teamId, id);
    if (invitation === null) return null;
    const { count } = await this.client.invitation.deleteMany({ where: { teamId, id } });
    return count === 0 ? null : invitation;
  }

  async findByTokenHash(tokenHash: string): Promise<{ invitation: Invitation; team: Team } | null> {
    if (!isStorable(tokenHash)) return null;
    const row = await this.client.invitation.findUnique({
      where: { tokenHash },
      include: { team: true },
      omit: withoutToken,
    });
    if (row === null) return null;
    const { team, ...invitation } = row;
    return { invitation, team: toTeam(team) };
  }

  async accept(
    tokenHash: string,
    userId: string,
    {
      now,
      maxMembers,
      maxTeams,
    }: { readonly now: Date; readonly maxMembers: number; readonly maxTeams: number },
  ): Promise<{ invitation: Invitation; membership: Membership } | null> {
    const found = await this.findByTokenHash(tokenHash);
    if (found === null || !isUuid(userId)) return null;
    const { invitation } = found;
    const { teamId } = invitation;
    return this.client.$transaction(async (tx) => {
      await lockTeam(tx, teamId);
      // Locks their row as well: it guards the count of their teams.
      const [user] = await tx.$queryRaw<{ email: string }[]>`
        SELECT email FROM "user" WHERE id = ${userId}::uuid FOR NO KEY UPDATE`;
      if (user === undefined || user.email !== invitation.email) return null;
      if (!(await useUp(tx, invitation, tokenHash, now))) return null;
      const where = { teamId_userId: { teamId, userId } };
      const existing = await tx.membership.findUnique({ where });
      if (existing !== null) return { invitation, membership: existing };
      await refuseBeyond('teams', maxTeams, () => tx.membership.count({ where: { userId } }));
      return { invitation, membership: await join(tx, invitation, userId, { now, maxMembers }) };
    });
  }

  async acceptAsNewUser(
    tokenHash: string,
    passwordHash: string,
    { now, maxMembers }: { readonly now: Date; readonly maxMembers: number },
  ): Promise<{ user: User; invitation: Invitation; membership: Membership } | 'has_account' | null> {
    const found = await this.findByTokenHash(tokenHash);
    if (found === null) return null;
    const { invitation } = found;
    try {
      return await this.client.$transaction(async (tx) => {
        await lockTeam(tx, invitation.teamId);
        if (!(await useUp(tx, invitation, tokenHash, now))) return null;
        const user = await createUnverifiedUser(tx, invitation.email, passwordHash);
        // Thrown, so that the invitation stays.
        if (user === null) throw new HasAccountError();
        const membership = await join(tx, invitation, user.id, { now, maxMembers });
        return { user, invitation, membership };
      });
    } catch (error) {
      if (error instanceof HasAccountError) return 'has_account';
      throw error;
    }
  }
}

class HasAccountError extends Error {}

/** Removes the invitation: of two concurrent acceptances, one finds it gone. */
async function useUp(
  tx: TransactionClient,
  { id }: Invitation,
  tokenHash: string,
  now: Date,
): Promise<boolean> {
  const { count } = await tx.invitation.deleteMany({ where: { id, tokenHash, expiresAt: { gt: now } } });
  return count > 0;
}

async function join(
  tx: TransactionClient,
  { teamId, role }: Invitation,
  userId: string,
  { now, maxMembers }: { readonly now: Date; readonly maxMembers: number },
): Promise<Membership> {
  await refuseBeyond('members', maxMembers, () => tx.membership.count({ where: { teamId } }));
  return tx.membership.create({ data: { teamId, userId, role, createdAt: now } });
}

function refuseRole({ power }: Standing, role: Role): void {
  if (!mayChangeRole(power, null, role)) throw new AuthorityLostError('insufficient');
}
