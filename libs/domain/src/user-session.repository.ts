import type { Page, PageRequest } from './page.js';
import type { SignedInUser, UserSession, UserSessionDraft } from './user-session.js';

/** Across teams: a person signs in once for all of theirs. */
export interface UserSessionRepository {
  create(draft: UserSessionDraft): Promise<UserSession>;
  /** For a person who showed the password of this hash. Null when they have another one now. */
  createByPassword(draft: UserSessionDraft, passwordHash: string): Promise<UserSession | null>;
  /** The token is the proof. Finds expired sessions too. */
  findByTokenHash(tokenHash: string): Promise<SignedInUser | null>;
  /** Newest first. */
  list(userId: string, page: PageRequest): Promise<Page<UserSession>>;
  recordUse(id: string, at: Date): Promise<void>;
  /** False when the person has no such session. */
  remove(userId: string, id: string): Promise<boolean>;
  /** Ends all sessions of a person but one. Returns how many. */
  removeAll(userId: string, options?: { readonly exceptId?: string | undefined }): Promise<number>;
  /** Returns how many. */
  removeExpired(now: Date): Promise<number>;
}
