import type { Role } from '@culvert/terms';
import type { Authority } from './authority.js';
import type { Member } from './team.js';

/** What became of a change of someone's membership. */
export type MembershipOutcome =
  | {
      readonly ok: true;
      readonly before: Member;
      /** Null: they are no member any more. */
      readonly after: Member | null;
      /** Keys of theirs that were revoked because they permit more than the new role, and the keys that those made. */
      readonly revokedApiKeyIds: readonly string[];
    }
  | { readonly ok: false; readonly reason: 'not_found' | 'not_permitted' | 'last_owner' };

export interface MembershipChange {
  /** Null: leave. */
  readonly role: Role | null;
  /** Who changes it; `self`: the person, who may only leave or step down. */
  readonly by: Authority | 'self';
  readonly at: Date;
}

export interface MemberRepository {
  /** All of them, by when they joined. */
  list(teamId: string): Promise<Member[]>;
  find(teamId: string, userId: string): Promise<Member | null>;
  /**
   * Changes of one team wait for each other, so that of two owners that leave at once one stays, and of two that remove
   * each other as well.
   * @throws AuthorityLostError when the credential that changes it no longer permits it
   */
  change(teamId: string, userId: string, change: MembershipChange): Promise<MembershipOutcome>;
}
