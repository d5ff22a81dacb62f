import type { User } from './team.js';

export interface PasswordResetRepository {
  /** Takes the place of any that the person has. */
  create(draft: {
    readonly userId: string;
    readonly tokenHash: string;
    readonly expiresAt: Date;
  }): Promise<void>;
  /** Whose password this sets; null when it is unknown, used or expired. */
  find(tokenHash: string, now: Date): Promise<User | null>;
  /**
   * Uses it up: sets the password and ends every session of the person. Null, and nothing, when it is unknown, used
   * or expired.
   */
  redeem(tokenHash: string, passwordHash: string, now: Date): Promise<User | null>;
  /** Returns how many. */
  removeExpired(now: Date): Promise<number>;
}
