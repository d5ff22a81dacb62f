import type {
  IdentityDraft,
  Membership,
  Role,
  SignInMethods,
  User,
  UserRepository,
  UserWithPassword,
} from '@culvert/domain';
import { isForeignKeyViolation, isUniqueViolation, type Client, type TransactionClient } from '../client.js';
import type { Prisma } from '../generated/client.js';
import { isUuid, newId } from '../ids.js';
import { isStorable } from '../text.js';

// A hash leaves the database only for password checks.
const withoutPassword = { passwordHash: true } as const;

const HAS_ACCOUNT = {
  OR: [{ passwordHash: { not: null } }, { identities: { some: {} } }, { memberships: { some: {} } }],
} satisfies Prisma.UserWhereInput;

/**
 * Gives the address a password, unless it already has a way to sign in: null. Nothing has proved yet that the address is the
 * person's.
 */
export async function createUnverifiedUser(
  tx: TransactionClient,
  email: string,
  passwordHash: string,
): Promise<User | null> {
  await tx.user.createMany({
    data: { id: newId(), email, name: '', createdAt: new Date() },
    skipDuplicates: true,
  });
  // Held until the end, so that no provider sign-in happens meanwhile.
  await tx.$queryRaw`SELECT 1 AS found FROM "user" WHERE email = ${email} FOR UPDATE`;
  const [user] = await tx.user.updateManyAndReturn({
    where: { email, NOT: HAS_ACCOUNT },
    data: { passwordHash, isEmailVerified: false },
    omit: withoutPassword,
  });
  return user ?? null;
}

/** Ends what an unverified address opened, now that a provider has verified it. False if it was verified before. */
async function takeOver(tx: TransactionClient, userId: string): Promise<boolean> {
  const { count } = await tx.user.updateMany({
    where: { id: userId, isEmailVerified: false },
    data: { isEmailVerified: true, passwordHash: null },
  });
  if (count === 0) return false;
  await tx.userSession.deleteMany({ where: { userId } });
  await tx.program.deleteMany({ where: { userId } });
  // Last, so that it includes a key that was being created by one of those.
  await tx.apiKey.updateMany({
    where: { createdByUserId: userId, revokedAt: null },
    data: { revokedAt: new Date() },
  });
  return true;
}

export class PrismaUserRepository implements UserRepository {
  constructor(private readonly client: Client) {}

  async find(id: string): Promise<User | null> {
    if (!isUuid(id)) return null;
    return this.client.user.findUnique({ where: { id }, omit: withoutPassword });
  }

  async findByEmail(email: string): Promise<UserWithPassword | null> {
    if (!isStorable(email)) return null;
    return this.client.user.findUnique({ where: { email } });
  }

  async findWithPassword(id: string): Promise<UserWithPassword | null> {
    if (!isUuid(id)) return null;
    return this.client.user.findUnique({ where: { id } });
  }

  async findSignInMethods(id: string): Promise<SignInMethods | null> {
    if (!isUuid(id)) return null;
    const found = await this.client.user.findUnique({
      where: { id },
      select: {
        passwordHash: true,
        identities: { select: { issuer: true, createdAt: true }, orderBy: { createdAt: 'asc' } },
      },
    });
    return found && { hasPassword: found.passwordHash !== null, providers: found.identities };
  }

  async findOrCreate(email: string, name: string): Promise<User> {
    // Not an upsert: Prisma turns it into two statements, and the second of two concurrent ones would fail.
    await this.client.user.createMany({
      data: { id: newId(), email, name, createdAt: new Date() },
      skipDuplicates: true,
    });
    return this.client.user.findUniqueOrThrow({ where: { email }, omit: withoutPassword });
  }

  async hasAccount(email: string): Promise<boolean> {
    if (!isStorable(email)) return false;
    return (await this.client.user.count({ where: { email, ...HAS_ACCOUNT } })) > 0;
  }

  async setPasswordHash(id: string, passwordHash: string): Promise<boolean> {
    if (!isUuid(id)) return false;
    const { count } = await this.client.user.updateMany({ where: { id }, data: { passwordHash } });
    return count > 0;
  }

  async replacePasswordHash(
    id: string,
    { from, to }: { readonly from: string; readonly to: string },
  ): Promise<boolean> {
    if (!isUuid(id)) return false;
    const where = { id, passwordHash: from };
    const { count } = await this.client.user.updateMany({ where, data: { passwordHash: to } });
    return count > 0;
  }

  async findOrCreateByIdentity({
    issuer,
    subject,
    email,
    name,
  }: IdentityDraft): Promise<{ user: User; isTakenOver: boolean }> {
    const key = { issuer_subject: { issuer, subject } };
    const known = await this.client.identity.findUnique({
      where: key,
      select: { user: { omit: withoutPassword } },
    });
    if (known !== null) return { user: known.user, isTakenOver: false };
    const { id: userId } = await this.findOrCreate(email, name);
    // Two browsers may bring a new identity at once: the second gets the person of the first.
    const isTakenOver = await this.client.$transaction(async (tx) => {
      const { count } = await tx.identity.createMany({
        data: { issuer, subject, userId, createdAt: new Date() },
        skipDuplicates: true,
      });
      return count > 0 && takeOver(tx, userId);
    });
    const { user } = await this.client.identity.findUniqueOrThrow({
      where: key,
      select: { user: { omit: withoutPassword } },
    });
    return { user, isTakenOver };
  }

  async memberships(userId: string): Promise<Membership[]> {
    if (!isUuid(userId)) return [];
    return this.client.membership.findMany({
      where: { userId },
      orderBy: [{ createdAt: 'asc' }, { teamId: 'asc' }],
    });
  }

  async setRole(teamId: string, userId: string, role: Role): Promise<Membership | null> {
    if (!isUuid(teamId) || !isUuid(userId)) return null;
    const [changed] = await this.client.membership.updateManyAndReturn({
      where: { teamId, userId },
      data: { role },
    });
    return changed ?? null;
  }

  async addMembership(teamId: string, userId: string, role: Role): Promise<Membership | null> {
    if (!isUuid(teamId) || !isUuid(userId)) return null;
    try {
      return await this.client.membership.create({ data: { teamId, userId, role, createdAt: new Date() } });
    } catch (error) {
      if (isUniqueViolation(error) || isForeignKeyViolation(error)) return null;
      throw error;
    }
  }
}
