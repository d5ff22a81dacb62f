import type { Page, PageRequest } from './page.js';
import type { SignedInUser, UserSession, UserSessionDraft } from './user-session.js';

/** Across teams: a person signs in once for all of theirs. */
export interface UserSessionRepository {
  create(draft: UserSessionDraft): Promise<UserSession>;
  /** Creates a session for a person who gave the password with this hash. Null if they have another one now. */
  createByPassword(draft: UserSessionDraft, passwordHash: string): Promise<UserSession | null>;
  /** The token is the proof. Finds expired sessions too. */
  findByTokenHash(tokenHash: string): Promise<SignedInUser | null>;
  /** Returns sessions, newest first. */
  list(userId: string, page: PageRequest): Promise<Page<UserSession>>;
  recordUse(id: string, at: Date): Promise<void>;
  /** Returns false if the person has no such session. */
  remove(userId: string, id: string): Promise<boolean>;
  /** Ends all sessions of a person except one. Returns how many. */
  removeAll(userId: string, options?: { readonly exceptId?: string | undefined }): Promise<number>;
  /** Removes expired sessions. Returns how many. */
  removeExpired(now: Date): Promise<number>;
}
