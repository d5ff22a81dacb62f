import { Inject, Injectable } from '@nestjs/common';
import { ProblemError, type SignInRequest } from '@culvert/contract';
import type { Actor, Store, User, UserSession, UserWithPassword } from '@culvert/domain';
import { LOG, STORE } from '@culvert/nest';
import type { Logger } from 'pino';
import { AuditLog } from '../../team/audit-events/audit-log.js';
import type { RequestFacts } from '../../http/request-facts.js';
import { ApiMeasures } from '../../http/measures/api-measures.js';
import { UserSessionsService } from '../../http/user-sessions/user-sessions.service.js';
import { isPassword } from './passwords.js';
import { Throttle } from './throttle.js';

/** How a person signs in. */
export type SignInMethod = 'password' | 'oidc' | 'github';

/** Begins sessions for people who proved who they are, and records successful and failed sign-ins. */
@Injectable()
export class SignInService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    @Inject(LOG) private readonly log: Logger,
    private readonly throttle: Throttle,
    private readonly audit: AuditLog,
    private readonly userSessions: UserSessionsService,
    private readonly measures: ApiMeasures,
  ) {}

  /**
   * Begins a session by an email address and a password. Returns the token that the browser is to keep.
   * @throws ProblemError `sign_in_failed`, which does not say which of the two is wrong; `too_many_attempts`
   */
  async withPassword({ email, password }: SignInRequest, facts: RequestFacts): Promise<string> {
    try {
      return await this.beginByPassword(email.trim().toLowerCase(), password, facts);
    } catch (error) {
      this.measures.countSignIn('password', outcomeOf(error));
      throw error;
    }
  }

  private async beginByPassword(email: string, password: string, facts: RequestFacts): Promise<string> {
    const found = await this.check(email, password, facts);
    if (found === null || found.passwordHash === null) throw new ProblemError('sign_in_failed');
    const { passwordHash, ...user } = found;
    const begun = await this.userSessions.beginByPassword(user.id, passwordHash, facts);
    // The password was changed while it was checked.
    if (begun === null) throw new ProblemError('sign_in_failed');
    await this.record(user, begun.session, 'password', facts);
    return begun.token;
  }

  /** Begins a session for a person who proved who they are. Returns the token that the browser is to keep. */
  async begin(user: User, method: SignInMethod, facts: RequestFacts): Promise<string> {
    const { session, token } = await this.userSessions.begin(user.id, facts);
    await this.record(user, session, method, facts);
    return token;
  }

  /** Ends the session of this browser, if it has one. */
  async end(facts: RequestFacts): Promise<void> {
    const ended = await this.userSessions.end(facts);
    if (ended === null) return;
    const target = { id: ended.session.id, name: null };
    await this.audit.recordOfUser(actorOf(ended.user, facts), 'user.sign-out', target);
  }

  private async record(
    user: User,
    session: UserSession,
    method: SignInMethod,
    facts: RequestFacts,
  ): Promise<void> {
    const target = { id: session.id, name: null };
    await this.audit.recordOfUser(actorOf(user, facts), 'user.sign-in', target, { method });
    this.measures.countSignIn(method, 'ok');
  }

  private async check(
    email: string,
    password: string,
    { address }: RequestFacts,
  ): Promise<UserWithPassword | null> {
    const tried = { account: email, address };
    await this.throttle.count('password', tried);
    const found = await this.store.users.findByEmail(email);
    if ((await isPassword(password, found?.passwordHash ?? null)) && found !== null) {
      await this.throttle.succeed('password', tried);
      return found;
    }
    this.recordFailure(found, address);
    return null;
  }

  /** Runs in the background: the response must not take longer if the account exists. */
  private recordFailure(found: User | null, address: string | null): void {
    this.log.warn({ address, userId: found?.id }, 'sign-in failed');
    if (found === null) return;
    this.audit
      .recordFailureOf(found, { kind: 'system', id: null, address }, 'user.sign-in-failed')
      .catch((error: unknown) => this.log.error({ err: error }, 'cannot record a failed sign-in'));
  }
}

function outcomeOf(error: unknown): 'refused' | 'throttled' | 'failed' {
  if (!(error instanceof ProblemError)) return 'failed';
  return error.code === 'too_many_attempts' ? 'throttled' : 'refused';
}

function actorOf(user: User, { address }: RequestFacts): Actor {
  return { kind: 'user', id: user.id, address };
}
