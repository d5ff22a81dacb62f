import type { Authority } from './authority.js';
import type { MemberCredential } from './member-credential.js';

/** Everything that was made by the power of one person in a team and still works, whether or not they are a member. */
export interface MemberCredentialRepository {
  /** Newest first, at most `max`. */
  list(teamId: string, userId: string, now: Date, max: number): Promise<MemberCredential[]>;
  /**
   * Ends all of it. Returns what it ended, and the keys that were revoked: the person's and those that they made.
   * @throws AuthorityLostError when the caller may not remove this member
   */
  end(
    teamId: string,
    userId: string,
    by: Authority,
    at: Date,
  ): Promise<{ readonly ended: MemberCredential[]; readonly revokedApiKeyIds: string[] }>;
}
