import { Inject, Injectable } from '@nestjs/common';
import {
  ProblemError,
  type CreatedTeamResource,
  type CreateTeamRequest,
  type MemberList,
  type MemberResource,
  type TeamResource,
  type UpdateMemberRequest,
  type UpdateTeamRequest,
} from '@culvert/contract';
import type { KeepPolicy, Member, MembershipChange, MembershipOutcome, Store, Team } from '@culvert/domain';
import { SETTINGS, STORE } from '@culvert/nest';
import type { Settings } from '@culvert/runtime';
import { AuditLog } from './audit-events/audit-log.js';
import type { Caller, Person } from '../http/auth/caller.js';
import { Announcer } from '../announcements/announcer.js';
import {
  throwRefusal,
  inTeam,
  MAX_API_KEYS,
  MAX_INVITATIONS,
  MAX_MEMBERS,
  MAX_TEAMS,
  mayCreateTeam,
} from './team-limits.js';

/** The team and its members. */
@Injectable()
export class TeamService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly audit: AuditLog,
    private readonly announcer: Announcer,
  ) {}

  async create(person: Person, { name }: CreateTeamRequest): Promise<CreatedTeamResource> {
    const memberships = await this.store.users.memberships(person.user.id);
    if (!mayCreateTeam(this.settings, memberships.length)) {
      throw new ProblemError('team_creation_restricted', {
        detail: 'you are not a member of any team: create one, or ask an owner or admin of one to invite you',
      });
    }
    const team = await this.store.teams.createWithOwner(name, person.user.id, MAX_TEAMS).catch(throwRefusal);
    await this.audit.record(inTeam(team.id, person), 'team.create', team, { after: { name } });
    return { id: team.id, name: team.name, createdAt: team.createdAt.toISOString() };
  }

  async show({ teamId }: Caller): Promise<TeamResource> {
    const team = await this.store.teams.find(teamId);
    if (team === null) throw new Error(`team ${teamId} does not exist`);
    return this.toResource(team);
  }

  async update(caller: Caller, request: UpdateTeamRequest): Promise<TeamResource> {
    const { teamId } = caller;
    const before = await this.store.teams.find(teamId);
    const { keepPolicy, ...change } = request;
    const keeping = keepPolicy === undefined ? [] : await this.setKeepPolicy(teamId, keepPolicy);
    const hasMore = Object.keys(change).length > 0;
    const after = hasMore
      ? await this.store.teams.update(teamId, change)
      : await this.store.teams.find(teamId);
    if (before === null || after === null) throw new Error(`team ${teamId} does not exist`);
    await this.audit.recordChange(caller, 'team.update', after, {
      before,
      after,
      fields: ['name', 'previewIdleExpirySeconds', 'keepPolicy'],
    });
    await this.announcer.previewsChanged(keeping);
    return this.toResource(after);
  }

  /** Returns the hostnames of the previews concerned. Lowering the policy removes what exceeds it, which can take a while. */
  private async setKeepPolicy(teamId: string, policy: KeepPolicy | null): Promise<readonly string[]> {
    if (policy !== null && this.settings.encryptionKeys.length === 0)
      throw new ProblemError('keeping_not_available');
    const unique = policy && { ...policy, redactedNames: [...new Set(policy.redactedNames)] };
    return (await this.store.background.teams.setKeepPolicy(teamId, unique)) ?? [];
  }

  async members({ teamId }: Caller): Promise<MemberList> {
    return { items: (await this.store.members.list(teamId)).map(toMemberResource) };
  }

  async updateMember(caller: Caller, userId: string, { role }: UpdateMemberRequest): Promise<MemberResource> {
    const change = { role, by: caller.authority, at: new Date() };
    const { after } = await this.change(caller, userId, change);
    if (after === null) throw new Error('a member with a role is a member');
    return toMemberResource(after);
  }

  async removeMember(caller: Caller, userId: string): Promise<void> {
    await this.change(caller, userId, { role: null, by: caller.authority, at: new Date() });
  }

  async leave(person: Person, teamId: string): Promise<void> {
    const change = { role: null, by: 'self', at: new Date() } as const;
    await this.change(inTeam(teamId, person), person.user.id, change);
  }

  private async change(
    caller: Caller,
    userId: string,
    change: MembershipChange,
  ): Promise<Extract<MembershipOutcome, { ok: true }>> {
    const outcome = await this.store.members.change(caller.teamId, userId, change).catch(throwRefusal);
    if (!outcome.ok) throw refusalOf(outcome.reason, userId);
    const { before, after, revokedApiKeyIds } = outcome;
    // Announced first: lost access must stop within a second.
    await this.announcer.announce([
      ...(before.role === after?.role ? [] : [{ type: 'user.changed' as const, userId }]),
      ...revokedApiKeyIds.map((apiKeyId) => ({ type: 'api-key.revoked' as const, apiKeyId })),
    ]);
    const member = { id: userId, name: before.email };
    if (after === null) {
      await this.audit.record(caller, 'member.remove', member, { before: audited(before) });
    } else {
      await this.audit.recordChange(caller, 'member.update', member, { before, after, fields: ['role'] });
    }
    for (const id of revokedApiKeyIds) {
      const key = await this.store.apiKeys.find(caller.teamId, id);
      await this.audit.record(
        caller,
        'api-key.revoke',
        { id, name: key?.name ?? null },
        { after: { becauseOfMember: userId, member: before.email } },
      );
    }
    return outcome;
  }

  private async toResource({
    id,
    name,
    previewIdleExpirySeconds,
    keepPolicy,
    createdAt,
  }: Team): Promise<TeamResource> {
    const { limits } = this.settings;
    return {
      id,
      name,
      previewIdleExpirySeconds,
      keepPolicy: keepPolicy && { ...keepPolicy, redactedNames: [...keepPolicy.redactedNames] },
      canKeep: this.settings.encryptionKeys.length > 0,
      createdAt: createdAt.toISOString(),
      limits: {
        previews: limits.maxPreviewsPerTeam,
        sessions: limits.maxSessionsPerTeam,
        apiKeys: MAX_API_KEYS,
        members: MAX_MEMBERS,
        invitations: MAX_INVITATIONS,
        apiRequestsPerMinute: limits.maxApiRequestsPerTeam || null,
        previewRequestsPerMinute: limits.maxPreviewRequestsPerTeam || null,
      },
      use: { ...(await this.store.teams.usage(id, new Date())) },
    };
  }
}

function refusalOf(reason: 'not_found' | 'not_permitted' | 'last_owner', userId: string): ProblemError {
  if (reason === 'not_found')
    return new ProblemError('not_found', { detail: `member ${userId} does not exist` });
  return new ProblemError(reason === 'last_owner' ? 'last_owner' : 'role_not_permitted');
}

function audited({ email, role }: Member) {
  return { email, role };
}

function toMemberResource({ joinedAt, ...member }: Member): MemberResource {
  return { ...member, joinedAt: joinedAt.toISOString() };
}
