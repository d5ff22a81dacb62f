import type { Role } from '@culvert/terms';

/** The account that owns everything else. */
export interface Team {
  readonly id: string;
  readonly name: string;
  /** After how many seconds unused previews end that do not say so themselves; null: never. */
  readonly previewIdleExpirySeconds: number | null;
  readonly createdAt: Date;
}

export type TeamChange = Partial<Pick<Team, 'name' | 'previewIdleExpirySeconds'>>;

/** A person. Belongs to teams through memberships. */
export interface User {
  readonly id: string;
  /** Lower-case. */
  readonly email: string;
  /**
   * Whether a mail, a provider or the operator has shown that the address is this person's. Without it the address
   * opens nothing: whoever invited them may have typed any.
   */
  readonly isEmailVerified: boolean;
  readonly name: string;
  readonly createdAt: Date;
}

export interface Membership {
  readonly teamId: string;
  readonly userId: string;
  readonly role: Role;
  readonly createdAt: Date;
}

/** A person as the team sees them. */
export interface Member {
  readonly userId: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly joinedAt: Date;
}

/** An open invitation to a team, for whoever reads the mail of `email`. */
export interface Invitation {
  readonly id: string;
  readonly teamId: string;
  /** Lower-case. */
  readonly email: string;
  readonly role: Role;
  /** The person by whose power it was made, or renewed last; null for the operator, and where it is not known. */
  readonly createdByUserId: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

export interface InvitationDraft {
  readonly email: string;
  readonly role: Role;
  /** SHA-256 of the token, lower-case hex. */
  readonly tokenHash: string;
  readonly expiresAt: Date;
}

/** Whether someone of this role may give a member the role `to` instead of `from`; null: not a member. */
export function mayChangeRole(by: Role, from: Role | null, to: Role | null): boolean {
  return by === 'owner' || (by === 'admin' && from !== 'owner' && to !== 'owner');
}
