import { Inject, Injectable } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import type { Actor, Store, User, UserSession, UserWithPassword } from '@culvert/domain';
import { LOG, STORE } from '@culvert/nest';
import type { Request, Response } from 'express';
import passport from 'passport';
import { Strategy as LocalStrategy } from 'passport-local';
import type { Logger } from 'pino';
import { AuditLog } from '../../team/audit-events/audit-log.js';
import { clientAddress } from '../../http/client-address.js';
import { UserSessionsService } from '../../http/user-sessions/user-sessions.service.js';
import { isPassword } from './passwords.js';
import { Throttle } from './throttle.js';

/** How a person signs in. */
export type SignInMethod = 'password' | 'oidc' | 'github';

/** Begins sessions for people who proved who they are, and records successful and failed sign-ins. */
@Injectable()
export class SignInService {
  private readonly passport = new passport.Passport();

  constructor(
    @Inject(STORE) private readonly store: Store,
    @Inject(LOG) private readonly log: Logger,
    private readonly throttle: Throttle,
    private readonly audit: AuditLog,
    private readonly userSessions: UserSessionsService,
  ) {
    this.passport.use(
      new LocalStrategy(
        { usernameField: 'email', passwordField: 'password', passReqToCallback: true },
        (request, email, password, verified) => {
          this.check(request, email.trim().toLowerCase(), password).then(
            (user) => verified(null, user ?? false),
            (error: unknown) => verified(error),
          );
        },
      ),
    );
  }

  /**
   * Signs in with the `email` and `password` in the body.
   * @throws ProblemError `sign_in_failed`, without the reason; `too_many_attempts`
   */
  async withPassword(request: Request, response: Response): Promise<User> {
    const found = await new Promise<UserWithPassword | null>((resolve, reject) => {
      const done = (error: Error | null, person: UserWithPassword | false | null): void =>
        error ? reject(error) : resolve(person || null);
      this.passport.authenticate('local', { session: false }, done)(request, response, reject);
    });
    if (found === null || found.passwordHash === null) throw new ProblemError('sign_in_failed');
    const { passwordHash, ...user } = found;
    const session = await this.userSessions.beginByPassword(user.id, passwordHash, request, response);
    // The password was changed while it was checked.
    if (session === null) throw new ProblemError('sign_in_failed');
    await this.record(user, session, 'password', request);
    return user;
  }

  /** Begins a session for a person who proved who they are. */
  async begin(user: User, method: SignInMethod, request: Request, response: Response): Promise<void> {
    const session = await this.userSessions.begin(user.id, request, response);
    await this.record(user, session, method, request);
  }

  /** Ends the session of this browser, if it has one. */
  async end(request: Request, response: Response): Promise<void> {
    const ended = await this.userSessions.end(request, response);
    if (ended === null) return;
    await this.audit.recordOfUser(this.actor(ended.user, request), 'user.sign-out', {
      id: ended.session.id,
      name: null,
    });
  }

  private async record(
    user: User,
    session: UserSession,
    method: SignInMethod,
    request: Request,
  ): Promise<void> {
    const target = { id: session.id, name: null };
    await this.audit.recordOfUser(this.actor(user, request), 'user.sign-in', target, { method });
  }

  private async check(request: Request, email: string, password: string): Promise<UserWithPassword | null> {
    const tried = { account: email, address: clientAddress(request) };
    await this.throttle.count('password', tried);
    const found = await this.store.users.findByEmail(email);
    if ((await isPassword(password, found?.passwordHash ?? null)) && found !== null) {
      await this.throttle.succeed('password', tried);
      return found;
    }
    this.recordFailure(found, request);
    return null;
  }

  /** Runs in the background: the response must not take longer if the account exists. */
  private recordFailure(found: User | null, request: Request): void {
    const address = clientAddress(request);
    this.log.warn({ address, userId: found?.id }, 'sign-in failed');
    if (found === null) return;
    this.audit
      .recordFailureOf(found, { kind: 'system', id: null, address }, 'user.sign-in-failed')
      .catch((error: unknown) => this.log.error({ err: error }, 'failed sign-in not recorded'));
  }

  private actor(user: User, request: Request): Actor {
    return { kind: 'user', id: user.id, address: clientAddress(request) };
  }
}
