import type { Role } from '@culvert/terms';
import type { Authority } from './authority.js';
import type { Member } from './team.js';

/** The result of a change of a membership. */
export type MembershipOutcome =
  | {
      readonly ok: true;
      readonly before: Member;
      /** New membership; null: they are no longer a member. */
      readonly after: Member | null;
      /**
       * Keys of theirs that were revoked because they have more scopes than the new role, and the keys that those
       * created.
       */
      readonly revokedApiKeyIds: readonly string[];
    }
  | { readonly ok: false; readonly reason: 'not_found' | 'not_permitted' | 'last_owner' };

export interface MembershipChange {
  /** New role; null: leave. */
  readonly role: Role | null;
  /** Authority of the change; `self`: the person, who can only leave or step down. */
  readonly by: Authority | 'self';
  readonly at: Date;
}

export interface MemberRepository {
  /** Returns all members, in the order in which they joined. */
  list(teamId: string): Promise<Member[]>;
  find(teamId: string, userId: string): Promise<Member | null>;
  /**
   * Changes of one team wait for each other, so that one owner stays if two leave at once, or remove each other.
   * @throws AuthorityLostError if the credential no longer permits the change
   */
  change(teamId: string, userId: string, change: MembershipChange): Promise<MembershipOutcome>;
}
