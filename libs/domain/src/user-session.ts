import type { User } from './team.js';

/** How long a session lasts without being used, and how long at all. */
export const USER_SESSION_IDLE_MS = 14 * 24 * 60 * 60_000;
export const USER_SESSION_LIFETIME_MS = 90 * 24 * 60 * 60_000;

/** A person's presence in one browser, from signing in until it ends. */
export interface UserSession {
  readonly id: string;
  readonly userId: string;
  readonly createdAt: Date;
  /** To the minute. */
  readonly lastSeenAt: Date;
  readonly expiresAt: Date;
  /** Where it began; null when unknown. */
  readonly address: string | null;
  /** What the browser said of itself when it began; may be empty. */
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

/** Whose session a token opens. */
export interface SignedInUser {
  readonly user: User;
  readonly session: UserSession;
}

/** Whether a session may be used at `now`. */
export function isUserSessionUsable(
  { expiresAt, lastSeenAt }: Pick<UserSession, 'expiresAt' | 'lastSeenAt'>,
  now: Date,
): boolean {
  return expiresAt > now && now.getTime() - lastSeenAt.getTime() < USER_SESSION_IDLE_MS;
}
