import type { Authority, Making } from './authority.js';
import type { Page, PageRequest } from './page.js';
import type { Invitation, InvitationDraft, Membership, Team, User } from './team.js';

export interface InvitationRepository {
  /**
   * Creates an invitation. Null if the address has one already; `member` if it belongs to a member.
   * @throws TeamLimitError if there are `making.max` already
   * @throws AuthorityLostError if the inviter can no longer invite, or not with this role
   */
  create(teamId: string, draft: InvitationDraft, making: Making): Promise<Invitation | 'member' | null>;
  find(teamId: string, id: string): Promise<Invitation | null>;
  list(teamId: string, page: PageRequest): Promise<Page<Invitation>>;
  /**
   * Renews an invitation with a new token; the old one stops working. The person who renewed it last counts as its creator.
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
   * Makes `userId` a member and uses up the invitation. Null if it is gone, has expired, or is for another address. A
   * person who is already a member keeps their role.
   * @throws TeamLimitError if the team has `maxMembers`, or the person `maxTeams`
   */
  accept(
    tokenHash: string,
    userId: string,
    options: { readonly now: Date; readonly maxMembers: number; readonly maxTeams: number },
  ): Promise<{ invitation: Invitation; membership: Membership } | null>;
  /**
   * Does the same for the invited address itself, with this password: for a person who has no account yet. The address
   * counts as unverified. Null as with `accept`; `has_account` if the address can already be used to sign in.
   * @throws TeamLimitError if the team has `maxMembers`
   */
  acceptAsNewUser(
    tokenHash: string,
    passwordHash: string,
    options: { readonly now: Date; readonly maxMembers: number },
  ): Promise<{ user: User; invitation: Invitation; membership: Membership } | 'has_account' | null>;
}
