import { Inject, Injectable } from '@nestjs/common';
import { emailAddress, ProblemError, visibleName } from '@culvert/contract';
import type { Store, User } from '@culvert/domain';
import { LOG, SETTINGS, STORE } from '@culvert/nest';
import { HttpClient } from '@culvert/outbound';
import { DEFAULT_GITHUB_URL, type Settings } from '@culvert/runtime';
import type { Logger } from 'pino';
import { AuditLog } from '../../team/audit-events/audit-log.js';
import { Announcer } from '../../announcements/announcer.js';
import type { SignInAttempt } from './attempt-cookie.js';
import { GithubProvider } from './github-provider.js';
import { OidcProvider } from './oidc-provider.js';
import {
  type AuthorizationFlow,
  NotVouchedForError,
  type Provider,
  type ProvenIdentity,
} from './provider.js';
import type { ProviderButton } from './sign-in-pages.js';
import { Throttle } from './throttle.js';

/** The identity providers of this deployment, and the team memberships that follow from them. */
@Injectable()
export class Providers {
  private readonly providers: readonly Provider[];

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(STORE) private readonly store: Store,
    @Inject(LOG) private readonly log: Logger,
    private readonly throttle: Throttle,
    private readonly announcer: Announcer,
    private readonly audit: AuditLog,
    http: HttpClient,
  ) {
    const { oidc, github, teamCreation } = settings.signIn;
    if (github?.url === DEFAULT_GITHUB_URL && teamCreation === 'everyone')
      log.warn(
        'everyone with an account at github.com can create a team here: set TEAM_CREATION=members to prevent ' +
          'it',
      );
    this.providers = [
      ...(oidc === null ? [] : [new OidcProvider(settings, oidc, http)]),
      ...(github === null ? [] : [new GithubProvider(settings, github, http)]),
    ];
  }

  get buttons(): readonly ProviderButton[] {
    return this.providers;
  }

  /**
   * Returns the URL of the provider, which sends the browser to the callback and from there to `back`, and the attempt that the
   * browser has to keep.
   */
  async begin(
    id: string,
    back: string,
    address: string | null,
  ): Promise<{ readonly location: URL; readonly attempt: SignInAttempt }> {
    const provider = this.find(id);
    await this.throttle.count('provider', { address });
    const { location, expected } = await this.ask(provider, address, (flow) => flow.begin());
    return { location, attempt: { provider: id, back, expected } };
  }

  /**
   * Returns the person that the provider confirms, and where they wanted to go.
   * @param attempt attempt that the browser kept; null if it has none
   * @param query query of the request to the callback
   * @throws ProblemError `sign_in_failed`, `identity_provider_failed`
   */
  async finish(
    id: string,
    attempt: SignInAttempt | null,
    query: URLSearchParams,
    address: string | null,
  ): Promise<{ user: User; back: string; provider: Provider['id'] }> {
    const provider = this.find(id);
    if (attempt === null || attempt.expected.state !== query.get('state')) {
      throw new ProblemError('sign_in_failed', {
        detail: 'The sign-in took longer than ten minutes, or began in another browser or tab. Try again.',
      });
    }
    await this.throttle.count('provider', { address });
    const identity = await this.ask(provider, address, (flow) => flow.finish(query, attempt.expected));
    if (identity === null)
      throw new ProblemError('sign_in_failed', {
        detail: 'You did not sign in there. Try again, or sign in another way.',
      });
    return {
      user: await this.admit(provider.id, identity, address),
      back: attempt.back,
      provider: provider.id,
    };
  }

  private find(id: string): Provider {
    const provider = this.providers.find((each) => each.id === id);
    if (provider === undefined)
      throw new ProblemError('not_found', { detail: 'this way to sign in does not exist' });
    return provider;
  }

  private async ask<T>(
    provider: Provider,
    address: string | null,
    question: (flow: AuthorizationFlow) => Promise<T>,
  ): Promise<T> {
    try {
      return await question(await provider.flow());
    } catch (error) {
      if (error instanceof NotVouchedForError) {
        throw new ProblemError('sign_in_failed', { detail: error.message, cause: error });
      }
      this.log.warn({ err: error, provider: provider.id, address }, 'identity provider failed');
      throw new ProblemError('identity_provider_failed', { cause: error });
    }
  }

  /** Returns the person of an identity, as a member of the teams that the rules give them. */
  private async admit(id: Provider['id'], identity: ProvenIdentity, address: string | null): Promise<User> {
    const email = emailAddress.safeParse(identity.email);
    if (!email.success) {
      throw new ProblemError('sign_in_failed', {
        detail: 'this server does not accept the form of your email address',
      });
    }
    const { issuer, subject, name } = identity;
    if (issuer.length > 255 || subject.length > 255) throw new ProblemError('identity_provider_failed');
    const { user, isTakenOver } = await this.store.users.findOrCreateByIdentity({
      issuer,
      subject,
      email: email.data,
      name: visibleName(name.slice(0, 200)),
    });
    if (isTakenOver) await this.announcer.userChanged(user.id);
    await this.join(user, id, { groups: identity.groups, email: email.data }, address);
    return user;
  }

  private async join(
    user: User,
    id: Provider['id'],
    { email, groups }: Pick<ProvenIdentity, 'email' | 'groups'>,
    address: string | null,
  ): Promise<void> {
    const kind = id === 'github' ? 'org' : 'group';
    const domain = email.slice(email.lastIndexOf('@') + 1);
    const actor = { kind: 'system', id: null, address } as const;
    for (const rule of this.settings.signIn.teams) {
      const values = rule.kind === 'domain' ? [domain] : rule.kind === kind ? groups : [];
      if (!values.includes(rule.value)) continue;
      const team = rule.team === 'first' ? await this.store.teams.findFirst() : { id: rule.team };
      if (team === null) continue;
      const membership = await this.store.users.addMembership(team.id, user.id, rule.role);
      if (membership === null) continue;
      await this.audit.record(
        { teamId: team.id, actor },
        'member.create',
        { id: user.id, name: user.email },
        {
          after: { role: rule.role, by: `${rule.kind}:${rule.value}` },
        },
      );
      await this.announcer.userChanged(user.id);
    }
  }
}
