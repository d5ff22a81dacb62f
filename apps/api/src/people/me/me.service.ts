import { Inject, Injectable } from '@nestjs/common';
import {
  ProblemError,
  type MeResource,
  type PageQuery,
  type SignInMethodsResource,
  type UserSessionResource,
} from '@culvert/contract';
import type { ApiKey, Page, Role, Store, UserSession } from '@culvert/domain';
import { SETTINGS, STORE } from '@culvert/nest';
import type { Settings } from '@culvert/runtime';
import { AuditLog } from '../../team/audit-events/audit-log.js';
import type { Caller, Identified, Person } from '../../http/auth/caller.js';
import { mayCreateTeam } from '../../team/team-limits.js';
import { UserSessionsService } from '../../http/user-sessions/user-sessions.service.js';

@Injectable()
export class MeService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly audit: AuditLog,
    private readonly userSessions: UserSessionsService,
  ) {}

  async show({ caller, person }: Identified): Promise<MeResource> {
    const user = person?.user ?? caller?.user ?? null;
    const teams = await (person === null ? this.teamOf(caller) : this.teams(person.user.id));
    const team = teams.find(({ id }) => id === caller?.teamId);
    return {
      team: team === undefined ? null : { id: team.id, name: team.name },
      role: caller?.role ?? null,
      scopes: [...(caller?.scopes ?? [])],
      apiKey: caller?.apiKey ? describeKey(caller.apiKey) : null,
      workloadIdentity: await this.workloadIdentityOf(caller),
      user: user && { id: user.id, email: user.email, name: user.name },
      teams,
      mayCreateTeam: person !== null && mayCreateTeam(this.settings, teams.length),
    };
  }

  async signInMethods({ user }: Person): Promise<SignInMethodsResource> {
    const methods = await this.store.users.findSignInMethods(user.id);
    if (methods === null) throw new ProblemError('not_found', { detail: 'your account no longer exists' });
    const { hasPassword, providers } = methods;
    return {
      hasPassword,
      providers: providers.map(({ issuer, createdAt }) => ({ issuer, createdAt: createdAt.toISOString() })),
    };
  }

  async sessions({ user, userSession }: Person, query: PageQuery): Promise<Page<UserSessionResource>> {
    const page = await this.store.userSessions.list(user.id, query);
    return { ...page, items: page.items.map((session) => describeSession(session, userSession.id)) };
  }

  async endSession({ user, actor }: Person, id: string): Promise<void> {
    if (!(await this.userSessions.revoke(user.id, id))) {
      throw new ProblemError('not_found', { detail: `you have no session ${id}` });
    }
    await this.audit.recordOfUser(actor, 'user-session.end', { id, name: null });
  }

  async endOtherSessions({ user, userSession, actor }: Person): Promise<void> {
    const count = await this.userSessions.revokeAll(user.id, { exceptId: userSession.id });
    if (count > 0)
      await this.audit.recordOfUser(
        actor,
        'user-session.end-others',
        { id: userSession.id, name: null },
        { count },
      );
  }

  private async workloadIdentityOf(caller: Caller | null): Promise<MeResource['workloadIdentity']> {
    const id = caller?.apiKey?.workloadIdentityId ?? null;
    if (caller === null || id === null) return null;
    const identity = await this.store.workloadIdentities.find(caller.teamId, id);
    return identity && { id, name: identity.name };
  }

  private async teams(userId: string): Promise<MeResource['teams']> {
    const memberships = await this.store.users.memberships(userId);
    const teams = await Promise.all(memberships.map(({ teamId, role }) => this.describeTeam(teamId, role)));
    return teams.flat();
  }

  /** Returns the teams. Keys and programs have one team and see no other. */
  private async teamOf(caller: Caller | null): Promise<MeResource['teams']> {
    return caller === null ? [] : this.describeTeam(caller.teamId, caller.role);
  }

  private async describeTeam(id: string, role: Role | null): Promise<MeResource['teams']> {
    const team = await this.store.teams.find(id);
    return team === null ? [] : [{ id: team.id, name: team.name, role }];
  }
}

function describeKey({ id, name, hint, scopes, expiresAt }: ApiKey): MeResource['apiKey'] {
  return { id, name, hint, scopes: [...scopes], expiresAt: expiresAt?.toISOString() ?? null };
}

function describeSession(session: UserSession, currentId: string): UserSessionResource {
  const { id, address, userAgent, createdAt, lastSeenAt, expiresAt } = session;
  return {
    id,
    isCurrent: id === currentId,
    address,
    userAgent,
    createdAt: createdAt.toISOString(),
    lastSeenAt: lastSeenAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
  };
}
