import type { Role } from '@culvert/terms';
import type { Membership, User } from './team.js';

/** A person, with their password hash if they have one. Never leaves the code that checks passwords. */
export type UserWithPassword = User & { readonly passwordHash: string | null };

/** A person as an identity provider knows them. */
export interface IdentityDraft {
  readonly issuer: string;
  readonly subject: string;
  /** Lower-case, and verified by the provider. */
  readonly email: string;
  readonly name: string;
}

export interface SignInMethods {
  readonly hasPassword: boolean;
  /** Providers that know them, and since when. */
  readonly providers: readonly { readonly issuer: string; readonly createdAt: Date }[];
}

export interface UserRepository {
  find(id: string): Promise<User | null>;
  /** Across teams: an email address names one person. */
  findByEmail(email: string): Promise<UserWithPassword | null>;
  findWithPassword(id: string): Promise<UserWithPassword | null>;
  /** Returns the person with this email address, and creates them if there is none. */
  findOrCreate(email: string, name: string): Promise<User>;
  /** Reports whether a person can sign in with this address, or is a member of a team with it. */
  hasAccount(email: string): Promise<boolean>;
  /** Returns false if the person does not exist. */
  setPasswordHash(id: string, passwordHash: string): Promise<boolean>;
  /** Changes a password from one hash to another. Returns false if the person has another one now. */
  replacePasswordHash(id: string, change: { readonly from: string; readonly to: string }): Promise<boolean>;
  /**
   * Returns the person whom a provider knows by this subject: the one who came with it before, else the one with this
   * email address, else a new one. The provider has verified the address: if it was unverified until now, its password
   * and everything that it opened end, and `isTakenOver` is true.
   */
  findOrCreateByIdentity(
    draft: IdentityDraft,
  ): Promise<{ readonly user: User; readonly isTakenOver: boolean }>;
  /**
   * Returns how the person can sign in, with providers in the order of their first use. Null if the person does not
   * exist.
   */
  findSignInMethods(id: string): Promise<SignInMethods | null>;
  /** Returns the memberships, oldest first. */
  memberships(userId: string): Promise<Membership[]>;
  setRole(teamId: string, userId: string, role: Role): Promise<Membership | null>;
  /**
   * Makes the person a member. Null if they are one already, whose role stays, or if the team or person does not exist.
   */
  addMembership(teamId: string, userId: string, role: Role): Promise<Membership | null>;
}
