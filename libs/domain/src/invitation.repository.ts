import type { Authority, Making } from './authority.js';
import type { Page, PageRequest } from './page.js';
import type { Invitation, InvitationDraft, Membership, Team, User } from './team.js';

export interface InvitationRepository {
  /**
   * Null when the address has one already; `member` when it is a member's.
   * @throws TeamLimitError when there are `making.max` already
   * @throws AuthorityLostError when the inviter may no longer invite, or not as this role
   */
  create(teamId: string, draft: InvitationDraft, making: Making): Promise<Invitation | 'member' | null>;
  find(teamId: string, id: string): Promise<Invitation | null>;
  list(teamId: string, page: PageRequest): Promise<Page<Invitation>>;
  /**
   * Gives it a new token, which makes the old one worthless. It counts as made by whoever renewed it last.
   * @throws AuthorityLostError as for `create`
   */
  renew(
    teamId: string,
    id: string,
    renewal: Pick<InvitationDraft, 'tokenHash' | 'expiresAt'>,
    by: Authority,
  ): Promise<Invitation | null>;
  remove(teamId: string, id: string): Promise<Invitation | null>;
  /** Across teams: the token is the proof. Finds expired ones too. */
  findByTokenHash(tokenHash: string): Promise<{ invitation: Invitation; team: Team } | null>;
  /**
   * Makes `userId` a member and uses the invitation up. Null when it is gone, has expired, or is for another address
   * than theirs. Who is a member already keeps their role.
   * @throws TeamLimitError when the team has `maxMembers`, or the person `maxTeams`
   */
  accept(
    tokenHash: string,
    userId: string,
    options: { readonly now: Date; readonly maxMembers: number; readonly maxTeams: number },
  ): Promise<{ invitation: Invitation; membership: Membership } | null>;
  /**
   * The same for the invited address itself, with this password: for a person who has no account yet. The address counts
   * as unverified. Null as with `accept`, `has_account` when somebody can sign in with the address already.
   * @throws TeamLimitError when the team has `maxMembers`
   */
  acceptAsNewUser(
    tokenHash: string,
    passwordHash: string,
    options: { readonly now: Date; readonly maxMembers: number },
  ): Promise<{ user: User; invitation: Invitation; membership: Membership } | 'has_account' | null>;
}
