import type { Authority } from './authority.js';
import type { MemberCredential } from './member-credential.js';

/**
 * Working credentials that were created with the permissions of one person in a team, whether or not they are a member.
 */
export interface MemberCredentialRepository {
  /** Returns at most `max`, newest first. */
  list(teamId: string, userId: string, now: Date, max: number): Promise<MemberCredential[]>;
  /**
   * Ends all of them. Returns what it ended, and the revoked keys: the person's and those that these created.
   * @throws AuthorityLostError if the caller cannot remove this member
   */
  end(
    teamId: string,
    userId: string,
    by: Authority,
    at: Date,
  ): Promise<{ readonly ended: MemberCredential[]; readonly revokedApiKeyIds: string[] }>;
}
