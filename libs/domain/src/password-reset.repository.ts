import type { User } from './team.js';

export interface PasswordResetRepository {
  /** Creates a reset, which replaces any other of the person. */
  create(draft: {
    readonly userId: string;
    readonly tokenHash: string;
    readonly expiresAt: Date;
  }): Promise<void>;
  /** Returns the person whose password this sets; null if it is unknown, used or expired. */
  find(tokenHash: string, now: Date): Promise<User | null>;
  /**
   * Uses it up: sets the password and ends every session of the person. Returns null, and changes nothing, if it is
   * unknown, used or expired.
   */
  redeem(tokenHash: string, passwordHash: string, now: Date): Promise<User | null>;
  /** Removes expired resets. Returns how many. */
  removeExpired(now: Date): Promise<number>;
}
