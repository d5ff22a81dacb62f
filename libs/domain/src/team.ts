/** What a member may do in a team; each role includes the ones after it. */
export const ROLES = ['owner', 'admin', 'member'] as const;
export type Role = (typeof ROLES)[number];

/** The account that owns everything else. */
export interface Team {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
}

/** A person. Belongs to teams through memberships. */
export interface User {
  readonly id: string;
  /** Lower-case. */
  readonly email: string;
  readonly name: string;
  readonly createdAt: Date;
}

export interface Membership {
  readonly teamId: string;
  readonly userId: string;
  readonly role: Role;
  readonly createdAt: Date;
}
