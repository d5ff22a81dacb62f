import { Inject, Injectable } from '@nestjs/common';
import {
  ProblemError,
  type AcceptedInvitationResource,
  type AcceptInvitationRequest,
  type CreatedInvitationResource,
  type CreateInvitationRequest,
  type InvitationResource,
  type PageQuery,
} from '@culvert/contract';
import {
  generateSecret,
  hashSecret,
  mayChangeRole,
  type Actor,
  type Invitation,
  type Membership,
  type Page,
  type Store,
  type User,
} from '@culvert/domain';
import { SETTINGS, STORE } from '@culvert/nest';
import { appUrl, type Settings } from '@culvert/runtime';
import { AuditLog } from '../../team/audit-events/audit-log.js';
import type { Caller, Person } from '../../http/auth/caller.js';
import { Announcer } from '../../announcements/announcer.js';
import { Mailer } from '../mail/mailer.js';
import { hashPassword } from '../sign-in/passwords.js';
import { invitationMail, type InvitationFacts } from './invitation-mail.js';
import { InvitationRate } from './invitation-rate.js';
import { MAX_INVITATIONS, MAX_MEMBERS, MAX_TEAMS, powerOf, throwRefusal } from '../../team/team-limits.js';

const LIFETIME_MS = 7 * 24 * 60 * 60 * 1000;

/** Invites people to the team with a token that works once, for a person who signs in with the invited address. */
@Injectable()
export class InvitationsService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly audit: AuditLog,
    private readonly announcer: Announcer,
    private readonly mailer: Mailer,
    private readonly rate: InvitationRate,
  ) {}

  async create(caller: Caller, request: CreateInvitationRequest): Promise<CreatedInvitationResource> {
    const { email, role } = request;
    if (!mayChangeRole(powerOf(caller), null, role)) throw new ProblemError('role_not_permitted');
    const { token, renewal } = newToken();
    await this.rate.count(caller, email);
    const invitation = await this.store.invitations
      .create(caller.teamId, { email, role, ...renewal }, { by: caller.authority, max: MAX_INVITATIONS })
      .catch(throwRefusal);
    if (invitation === null || invitation === 'member') {
      await this.rate.refund(caller, email);
      const what = invitation === null ? 'is already invited' : 'is already a member';
      throw new ProblemError('already_invited', { detail: `${email} ${what}` });
    }
    await this.audit.record(caller, 'invitation.create', targetOf(invitation), { after: { email, role } });
    return this.handOver(caller, invitation, token);
  }

  async list(caller: Caller, query: PageQuery): Promise<Page<InvitationResource>> {
    const page = await this.store.invitations.list(caller.teamId, query);
    return { ...page, items: page.items.map(toResource) };
  }

  async renew(caller: Caller, id: string): Promise<CreatedInvitationResource> {
    const before = await this.store.invitations.find(caller.teamId, id);
    if (before !== null && !mayChangeRole(powerOf(caller), null, before.role)) {
      throw new ProblemError('role_not_permitted');
    }
    if (before === null) throw notFound(id);
    await this.rate.count(caller, before.email);
    const { token, renewal } = newToken();
    const invitation = await this.store.invitations
      .renew(caller.teamId, id, renewal, caller.authority)
      .catch(throwRefusal);
    if (invitation === null) throw notFound(id);
    const { email } = invitation;
    await this.audit.record(caller, 'invitation.renew', targetOf(invitation), { after: { email } });
    return this.handOver(caller, invitation, token);
  }

  async revoke(caller: Caller, id: string): Promise<void> {
    const invitation = await this.store.invitations.remove(caller.teamId, id);
    if (invitation === null) throw notFound(id);
    const { email, role } = invitation;
    await this.audit.record(caller, 'invitation.revoke', targetOf(invitation), { before: { email, role } });
  }

  /** Accepts. An invitation that is expired, used, revoked or for another person looks as if it did not exist. */
  async accept(
    person: Pick<Person, 'user' | 'actor'>,
    { token }: AcceptInvitationRequest,
  ): Promise<AcceptedInvitationResource> {
    const { id: userId } = person.user;
    const accepted = await this.store.invitations
      .accept(hashSecret(token), userId, { now: new Date(), maxMembers: MAX_MEMBERS, maxTeams: MAX_TEAMS })
      .catch(throwRefusal);
    if (accepted === null) {
      throw new ProblemError('not_found', { detail: 'there is no such invitation for your email address' });
    }
    await this.recordJoined(accepted, person.actor);
    const { teamId, role } = accepted.membership;
    return { teamId, role };
  }

  /**
   * Creates an account for the invited address and makes it a member. The invitation alone is enough only if the server
   * sends no mail: a mail would have proved who owns the address. Null if the invitation no longer works.
   */
  async acceptAsNewUser(
    token: string,
    password: string,
    address: string | null,
  ): Promise<User | 'has_account' | null> {
    if (this.mailer.isConfigured) return null;
    const accepted = await this.store.invitations
      .acceptAsNewUser(hashSecret(token), await hashPassword(password), {
        now: new Date(),
        maxMembers: MAX_MEMBERS,
      })
      .catch(throwRefusal);
    if (accepted === null || accepted === 'has_account') return accepted;
    const { user } = accepted;
    const actor = { kind: 'user', id: user.id, address } as const;
    await this.recordJoined(accepted, actor);
    return user;
  }

  private async recordJoined(
    { invitation, membership }: { readonly invitation: Invitation; readonly membership: Membership },
    actor: Actor,
  ): Promise<void> {
    const { teamId, userId, role } = membership;
    const { id, email } = invitation;
    await this.announcer.userChanged(userId);
    this.announcer.changed({ teamId, resource: 'invitation', id, change: 'removed' });
    const member = { id: userId, name: email };
    await this.audit.record({ teamId, actor }, 'member.add', member, { after: { email, role } });
  }

  /** If the server sends no mail, the inviter passes the link on: it is only in this response. */
  private async handOver(
    caller: Caller,
    invitation: Invitation,
    token: string,
  ): Promise<CreatedInvitationResource> {
    const link = invitationUrl(this.settings, token);
    const { isConfigured: isMailed } = this.mailer;
    if (isMailed) await this.mail(caller, invitation, link);
    return { ...toResource(invitation), token, link, isMailed };
  }

  private async mail(caller: Caller, { teamId, email, role }: Invitation, link: string): Promise<void> {
    const [team, inviter] = await Promise.all([this.store.teams.find(teamId), this.inviterOf(caller)]);
    this.mailer.send(invitationMail({ to: email, teamName: team?.name ?? '', role, inviter, link }));
  }

  private async inviterOf({ user, apiKey }: Caller): Promise<InvitationFacts['inviter']> {
    if (user !== null) return user;
    const maker = apiKey?.createdByUserId ?? null;
    const person = maker === null ? null : await this.store.users.findWithPassword(maker);
    return person ?? { apiKey: apiKey?.name ?? '' };
  }
}

/** Returns the link that an invited person opens. */
export function invitationUrl(settings: Settings, token: string): string {
  return `${appUrl(settings)}/invitations?token=${token}`;
}

function targetOf({ id, email }: Invitation) {
  return { id, name: email };
}

function newToken() {
  const token = generateSecret();
  const expiresAt = new Date(Date.now() + LIFETIME_MS);
  return { token, renewal: { tokenHash: hashSecret(token), expiresAt } };
}

function notFound(id: string): ProblemError {
  return new ProblemError('not_found', { detail: `invitation ${id} does not exist` });
}

function toResource({ teamId: _teamId, ...invitation }: Invitation): InvitationResource {
  const { createdAt, expiresAt } = invitation;
  return { ...invitation, createdAt: createdAt.toISOString(), expiresAt: expiresAt.toISOString() };
}
