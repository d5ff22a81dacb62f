import { setImmediate } from 'node:timers/promises';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import { generateSecret, hashSecret, isSecretShaped, type Store, type User } from '@culvert/domain';
import { LOG, SETTINGS, STORE } from '@culvert/nest';
import { appUrl, type Settings } from '@culvert/runtime';
import type { Logger } from 'pino';
import { ApiKeysService } from '../../team/api-keys/api-keys.service.js';
import { AuditLog } from '../../team/audit-events/audit-log.js';
import type { Person } from '../../http/auth/caller.js';
import { Announcer } from '../../announcements/announcer.js';
import { Mailer } from '../mail/mailer.js';
import { ProgramsService } from '../programs/programs.service.js';
import { UserSessionsService } from '../../http/user-sessions/user-sessions.service.js';
import { hashPassword, isPassword } from './passwords.js';
import { Throttle } from './throttle.js';

const RESET_LIFETIME_MS = 60 * 60_000;

/** Changes a password, authorized by the old password or by a mailed token. */
@Injectable()
export class PasswordChangeService implements OnModuleDestroy {
  private readonly sending = new Set<Promise<void>>();

  constructor(
    @Inject(STORE) private readonly store: Store,
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(LOG) private readonly log: Logger,
    private readonly throttle: Throttle,
    private readonly audit: AuditLog,
    private readonly announcer: Announcer,
    private readonly mailer: Mailer,
    private readonly userSessions: UserSessionsService,
    private readonly programs: ProgramsService,
    private readonly apiKeys: ApiKeysService,
  ) {}

  /** Sets a new password and ends the person's other sessions. */
  async change(person: Person, current: string, wanted: string): Promise<void> {
    const { user, userSession, actor } = person;
    const tried = { account: user.id };
    await this.throttle.count('password-change', tried);
    const found = await this.store.users.findWithPassword(user.id);
    const from = found?.passwordHash ?? null;
    if (!(await isPassword(current, from)) || from === null) {
      await this.audit.recordFailureOf(user, actor, 'user.change-password-failed');
      throw new ProblemError('sign_in_failed', { detail: 'the current password is wrong' });
    }
    await this.throttle.succeed('password-change', tried);
    const to = await hashPassword(wanted);
    if (!(await this.store.users.replacePasswordHash(user.id, { from, to })))
      throw new ProblemError('sign_in_failed', {
        detail: 'the password was changed in the meantime: try again with the new one',
      });
    await this.userSessions.revokeAll(user.id, { exceptId: userSession.id });
    await this.audit.recordOfUser(actor, 'user.change-password', targetOf(user));
  }

  /**
   * Mails a link to the person with this address. The requester cannot find out whether there is one, not even by
   * timing: the address is looked up after this has resolved.
   * @param pathOf returns the path of the link for a token
   * @throws ProblemError `too_many_attempts`
   */
  async requestReset(
    email: string,
    address: string | null,
    pathOf = (token: string): string => `/reset-password?token=${token}`,
  ): Promise<void> {
    await this.throttle.count('password-reset', { account: email, address });
    const sending = this.sendReset(email, pathOf)
      .catch((error: unknown) => this.log.error({ err: error }, 'cannot create a link for a new password'))
      .finally(() => this.sending.delete(sending));
    this.sending.add(sending);
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.sending);
  }

  private async sendReset(email: string, pathOf: (token: string) => string): Promise<void> {
    // After the request was answered.
    await setImmediate();
    const user = await this.store.users.findByEmail(email);
    if (user === null) return;
    const token = generateSecret();
    const expiresAt = new Date(Date.now() + RESET_LIFETIME_MS);
    await this.store.passwordResets.create({ userId: user.id, tokenHash: hashSecret(token), expiresAt });
    this.mailer.send({
      to: user.email,
      subject: 'Set a new password for Culvert',
      before: 'You, or another person, asked for a new password. Set one here within an hour:',
      link: appUrl(this.settings) + pathOf(token),
      after: "If it wasn't you, ignore this mail. Your password stays the same.",
    });
  }

  /** Returns the person whose password a token sets; null if it is unknown, used or expired. */
  async findReset(token: string): Promise<User | null> {
    return isSecretShaped(token) ? this.store.passwordResets.find(hashSecret(token), new Date()) : null;
  }

  /**
   * Uses up a token: sets the password and ends every session of the person and, if they want it, everything else with
   * their permissions in any team: programs and API keys. Returns null as `findReset` does.
   */
  async redeemReset(
    token: string,
    wanted: string,
    address: string | null,
    { endsAccess = false }: { readonly endsAccess?: boolean } = {},
  ): Promise<User | null> {
    // Looked up first: a made-up token must not cause the work of hashing a password.
    if ((await this.findReset(token)) === null) return null;
    const passwordHash = await hashPassword(wanted);
    const user = await this.store.passwordResets.redeem(hashSecret(token), passwordHash, new Date());
    if (user === null) return null;
    await this.announcer.userChanged(user.id);
    await this.throttle.forget('password', { account: user.email, address });
    const actor = { kind: 'user', id: user.id, address } as const;
    await this.audit.recordOfUser(actor, 'user.reset-password', targetOf(user));
    if (endsAccess) {
      await this.programs.endAllOf(user.id, actor);
      await this.apiKeys.revokeAllOf(user.id, actor);
    }
    return user;
  }
}

function targetOf({ id, email }: User) {
  return { id, name: email };
}
