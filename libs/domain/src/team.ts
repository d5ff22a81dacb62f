import type { Role } from '@culvert/terms';
import type { KeepPolicy } from './keeping.js';

/** The account that owns everything else. */
export interface Team {
  readonly id: string;
  readonly name: string;
  /** Seconds without a request after which previews without a setting of their own end; null: never. */
  readonly previewIdleExpirySeconds: number | null;
  /** How exchanges of its previews can be kept; null: they cannot. */
  readonly keepPolicy: KeepPolicy | null;
  readonly createdAt: Date;
}

export type TeamChange = Partial<Pick<Team, 'name' | 'previewIdleExpirySeconds'>>;

/** A person. Belongs to teams through memberships. */
export interface User {
  readonly id: string;
  /** Address in lower case. */
  readonly email: string;
  /**
   * Whether a mail, a provider or the operator has proved that the address belongs to this person. An unverified
   * address opens nothing: the inviter may have entered any.
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

/** An open invitation to a team, for the person who reads the mail of `email`. */
export interface Invitation {
  readonly id: string;
  readonly teamId: string;
  /** Address in lower case. */
  readonly email: string;
  readonly role: Role;
  /** Person with whose permissions it was created or last renewed; null for the operator, or if unknown. */
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

/** Reports whether a person with this role can change the role of a member from `from` to `to`; null: not a member. */
export function mayChangeRole(by: Role, from: Role | null, to: Role | null): boolean {
  return by === 'owner' || (by === 'admin' && from !== 'owner' && to !== 'owner');
}
