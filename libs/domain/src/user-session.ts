import type { User } from './team.js';

/** Lifetime of a session without use, and in total. */
export const USER_SESSION_IDLE_MS = 14 * 24 * 60 * 60_000;
export const USER_SESSION_LIFETIME_MS = 90 * 24 * 60 * 60_000;

/** A person's presence in one browser, from signing in until it ends. */
export interface UserSession {
  readonly id: string;
  readonly userId: string;
  readonly createdAt: Date;
  /** Time of the last use, to the minute. */
  readonly lastSeenAt: Date;
  readonly expiresAt: Date;
  /** Address at sign-in; null if unknown. */
  readonly address: string | null;
  /** User agent of the browser at sign-in; may be empty. */
  readonly userAgent: string;
}

export interface UserSessionDraft {
  readonly userId: string;
  /** SHA-256 of the token, lower-case hex. */
  readonly tokenHash: string;
  readonly at: Date;
  readonly address: string | null;
  /** At most 255 characters. */
  readonly userAgent: string;
}

/** The person and session of a token. */
export interface SignedInUser {
  readonly user: User;
  readonly session: UserSession;
}

/** Reports whether a session can be used at `now`. */
export function isUserSessionUsable(
  { expiresAt, lastSeenAt }: Pick<UserSession, 'expiresAt' | 'lastSeenAt'>,
  now: Date,
): boolean {
  return expiresAt > now && now.getTime() - lastSeenAt.getTime() < USER_SESSION_IDLE_MS;
}
