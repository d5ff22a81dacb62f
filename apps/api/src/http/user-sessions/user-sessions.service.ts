import type { IncomingHttpHeaders } from 'node:http';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import {
  generateSecret,
  hashSecret,
  isUserSessionUsable,
  type SignedInUser,
  type Store,
  type UserSession,
  type UserSessionDraft,
} from '@culvert/domain';
import { LOG, STORE } from '@culvert/nest';
import type { Logger } from 'pino';
import { Announcer } from '../../announcements/announcer.js';
import type { RequestFacts } from '../request-facts.js';
import { ApiMeasures } from '../measures/api-measures.js';
import { SessionCookie } from './session-cookie.js';

/** Precision of `lastSeenAt`, so that a busy page does not cause a write per request. */
const USE_INTERVAL_MS = 60_000;
const SWEEP_INTERVAL_MS = 60 * 60_000;
const MAX_USER_AGENT_LENGTH = 255;

/** A session that has begun, with the token that the browser is to keep. */
export interface BegunSession {
  readonly session: UserSession;
  readonly token: string;
}

/** Sessions of people, from signing in until they end. */
@Injectable()
export class UserSessionsService implements OnApplicationBootstrap, OnApplicationShutdown {
  private sweep: NodeJS.Timeout | undefined;

  constructor(
    @Inject(STORE) private readonly store: Store,
    @Inject(LOG) private readonly log: Logger,
    private readonly cookie: SessionCookie,
    private readonly announcer: Announcer,
    private readonly measures: ApiMeasures,
  ) {}

  onApplicationBootstrap(): void {
    this.sweep = setInterval(() => this.removeExpired(), SWEEP_INTERVAL_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.sweep);
  }

  /** Reports whether this request has a session cookie, valid or not. */
  hasToken(headers: IncomingHttpHeaders): boolean {
    return this.cookie.read(headers) !== null;
  }

  /** Returns the person who sends this request, by its cookie. Null if there is no valid session. */
  async identify(headers: IncomingHttpHeaders): Promise<SignedInUser | null> {
    const token = this.cookie.read(headers);
    if (token === null) return null;
    const found = await this.store.userSessions.findByTokenHash(hashSecret(token));
    const now = new Date();
    if (found === null || !isUserSessionUsable(found.session, now)) return null;
    this.recordUse(found.session, now);
    return found;
  }

  /**
   * Begins a session of this person and replaces the session that the browser has: a session planted before the sign-in
   * is useless afterwards.
   */
  async begin(userId: string, facts: RequestFacts): Promise<BegunSession> {
    await this.end(facts);
    const token = generateSecret();
    const session = await this.store.userSessions.create(draftOf(userId, token, facts));
    return { session, token };
  }

  /** Does the same for a person who entered the password with this hash. Null if the password has changed since. */
  async beginByPassword(
    userId: string,
    passwordHash: string,
    facts: RequestFacts,
  ): Promise<BegunSession | null> {
    await this.end(facts);
    const token = generateSecret();
    const draft = draftOf(userId, token, facts);
    const session = await this.store.userSessions.createByPassword(draft, passwordHash);
    return session && { session, token };
  }

  /** Ends the session of this browser, if it has one. */
  async end({ headers }: Pick<RequestFacts, 'headers'>): Promise<SignedInUser | null> {
    const token = this.cookie.read(headers);
    const found = token === null ? null : await this.store.userSessions.findByTokenHash(hashSecret(token));
    if (found !== null) await this.revoke(found.user.id, found.session.id);
    return found;
  }

  /** Ends a session in any browser. False if the person has no such session. */
  async revoke(userId: string, id: string): Promise<boolean> {
    const isRemoved = await this.store.userSessions.remove(userId, id);
    if (isRemoved) await this.announcer.userChanged(userId);
    return isRemoved;
  }

  /** Ends every session of a person, except the one with this ID. Returns how many. */
  async revokeAll(userId: string, options: { readonly exceptId?: string } = {}): Promise<number> {
    const count = await this.store.userSessions.removeAll(userId, options);
    if (count > 0) await this.announcer.userChanged(userId);
    return count;
  }

  /** Runs in the background: requests do not wait for it, or fail with it. */
  private recordUse({ id, lastSeenAt }: UserSession, now: Date): void {
    if (now.getTime() - lastSeenAt.getTime() < USE_INTERVAL_MS) return;
    this.store.userSessions
      .recordUse(id, now)
      .catch((error: unknown) =>
        this.log.warn({ err: error, sessionId: id }, 'cannot record the use of a session'),
      );
  }

  private removeExpired(): void {
    const now = new Date();
    const { userSessions, passwordResets, previewVisits } = this.store.background;
    this.measures
      .timeSweep('user_sessions', () =>
        Promise.all([userSessions, passwordResets, previewVisits].map((each) => each.removeExpired(now))),
      )
      .catch((error: unknown) => this.log.warn({ err: error }, 'cannot remove expired sessions'));
  }
}

function draftOf(userId: string, token: string, { headers, address }: RequestFacts): UserSessionDraft {
  return {
    userId,
    tokenHash: hashSecret(token),
    at: new Date(),
    address,
    userAgent: printable(headers['user-agent'] ?? '').slice(0, MAX_USER_AGENT_LENGTH),
  };
}

/** Removes control characters: browsers can send anything, and people read it. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}
