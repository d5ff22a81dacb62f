import type { Role } from '@culvert/terms';
import type { Membership, User } from './team.js';

/** A person, and whether and how they sign in with a password. Never leaves the part that checks passwords. */
export type UserWithPassword = User & { readonly passwordHash: string | null };

/** A person as an identity provider knows them. */
export interface IdentityDraft {
  readonly issuer: string;
  readonly subject: string;
  /** Lower-case, and proved to the provider. */
  readonly email: string;
  readonly name: string;
}

export interface SignInMethods {
  readonly hasPassword: boolean;
  /** Where they are known, and since when. */
  readonly providers: readonly { readonly issuer: string; readonly createdAt: Date }[];
}

export interface UserRepository {
  find(id: string): Promise<User | null>;
  /** Across teams: an email address names one person. */
  findByEmail(email: string): Promise<UserWithPassword | null>;
  findWithPassword(id: string): Promise<UserWithPassword | null>;
  /** The person of this email address, who becomes known by it now if they were not. */
  findOrCreate(email: string, name: string): Promise<User>;
  /** Whether somebody can sign in with this address, or is a member of a team by it. */
  hasAccount(email: string): Promise<boolean>;
  /** False when there is no such person. */
  setPasswordHash(id: string, passwordHash: string): Promise<boolean>;
  /** Changes a password from one hash to another. False when the person has another one now. */
  replacePasswordHash(id: string, change: { readonly from: string; readonly to: string }): Promise<boolean>;
  /**
   * The person whom a provider knows by this subject: whoever came with it before, else the one of this email
   * address, else a new one. The provider has verified the address: when it was unverified until now, its password and
   * all that was opened by it end, and `isTakenOver` is true.
   */
  findOrCreateByIdentity(
    draft: IdentityDraft,
  ): Promise<{ readonly user: User; readonly isTakenOver: boolean }>;
  /** How the person can sign in; providers by when they were first used. Null when there is no such person. */
  findSignInMethods(id: string): Promise<SignInMethods | null>;
  /** Oldest first. */
  memberships(userId: string): Promise<Membership[]>;
  setRole(teamId: string, userId: string, role: Role): Promise<Membership | null>;
  /** Makes a member of them. Null when they are one already, whose role stays, or there is no such team or person. */
  addMembership(teamId: string, userId: string, role: Role): Promise<Membership | null>;
}
