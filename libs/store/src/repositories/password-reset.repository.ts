import type { PasswordResetRepository, User } from '@culvert/domain';
import type { Client } from '../client.js';
import { isStorable } from '../text.js';

export class PrismaPasswordResetRepository implements PasswordResetRepository {
  constructor(private readonly client: Client) {}

  async create(draft: {
    readonly userId: string;
    readonly tokenHash: string;
    readonly expiresAt: Date;
  }): Promise<void> {
    await this.client.$transaction([
      this.client.passwordReset.deleteMany({ where: { userId: draft.userId } }),
      this.client.passwordReset.create({ data: draft }),
    ]);
  }

  async find(tokenHash: string, now: Date): Promise<User | null> {
    if (!isStorable(tokenHash)) return null;
    const row = await this.client.passwordReset.findUnique({
      where: { tokenHash, expiresAt: { gt: now } },
      select: { user: { omit: { passwordHash: true } } },
    });
    return row?.user ?? null;
  }

  async redeem(tokenHash: string, passwordHash: string, now: Date): Promise<User | null> {
    if (!isStorable(tokenHash)) return null;
    return this.client.$transaction(async (tx) => {
      const row = await tx.passwordReset.findUnique({ where: { tokenHash, expiresAt: { gt: now } } });
      if (row === null) return null;
      const { userId } = row;
      // The request whose delete finds the row continues; a concurrent one does not.
      const { count } = await tx.passwordReset.deleteMany({ where: { tokenHash } });
      if (count === 0) return null;
      // The person first: a sign-in with the old password waits for their row, or already has a session, which the next
      // statement sees.
      const user = await tx.user.update({
        where: { id: userId },
        // The holder of the link reads the mail of the address, or got it from the operator.
        data: { passwordHash, isEmailVerified: true },
        omit: { passwordHash: true },
      });
      await tx.userSession.deleteMany({ where: { userId } });
      return user;
    });
  }

  async removeExpired(now: Date): Promise<number> {
    const { count } = await this.client.passwordReset.deleteMany({ where: { expiresAt: { lte: now } } });
    return count;
  }
}
