import {
  USER_SESSION_IDLE_MS,
  USER_SESSION_LIFETIME_MS,
  type Page,
  type PageRequest,
  type SignedInUser,
  type UserSession,
  type UserSessionDraft,
  type UserSessionRepository,
} from '@culvert/domain';
import type { Client, TransactionClient } from '../client.js';
import { isUuid, newId } from '../ids.js';
import { emptyPage, pageQuery, toPage } from '../page.js';
import { isStorable } from '../text.js';

const withoutHash = { tokenHash: true } as const;

export class PrismaUserSessionRepository implements UserSessionRepository {
  constructor(private readonly client: Client) {}

  create(draft: UserSessionDraft): Promise<UserSession> {
    return insertSession(this.client, draft);
  }

  async createByPassword(draft: UserSessionDraft, passwordHash: string): Promise<UserSession | null> {
    return this.client.$transaction(async (tx) => {
      const found = await tx.$queryRaw<unknown[]>`
        SELECT 1 AS found FROM "user" WHERE id = ${draft.userId}::uuid AND password_hash = ${passwordHash} FOR SHARE`;
      return found.length === 0 ? null : insertSession(tx, draft);
    });
  }

  async findByTokenHash(tokenHash: string): Promise<SignedInUser | null> {
    if (!isStorable(tokenHash)) return null;
    const row = await this.client.userSession.findUnique({
      where: { tokenHash },
      omit: withoutHash,
      include: { user: { omit: { passwordHash: true } } },
    });
    if (row === null) return null;
    const { user, ...session } = row;
    return { user, session };
  }

  async list(userId: string, page: PageRequest): Promise<Page<UserSession>> {
    const { where, ...order } = pageQuery('createdAt', page);
    if (!isUuid(userId)) return emptyPage();
    const rows = await this.client.userSession.findMany({
      where: { userId, ...where },
      omit: withoutHash,
      ...order,
    });
    return toPage(
      rows,
      page,
      (row) => row.createdAt,
      (row) => row,
    );
  }

  async recordUse(id: string, at: Date): Promise<void> {
    if (!isUuid(id)) return;
    await this.client.userSession.updateMany({
      where: { id, lastSeenAt: { lt: at } },
      data: { lastSeenAt: at },
    });
  }

  async remove(userId: string, id: string): Promise<boolean> {
    if (!isUuid(userId) || !isUuid(id)) return false;
    const { count } = await this.client.userSession.deleteMany({ where: { userId, id } });
    return count > 0;
  }

  async removeAll(
    userId: string,
    { exceptId }: { readonly exceptId?: string | undefined } = {},
  ): Promise<number> {
    if (!isUuid(userId)) return 0;
    const { count } = await this.client.userSession.deleteMany({
      where: { userId, ...(exceptId === undefined ? {} : { id: { not: exceptId } }) },
    });
    return count;
  }

  async removeExpired(now: Date): Promise<number> {
    const idleSince = new Date(now.getTime() - USER_SESSION_IDLE_MS);
    const { count } = await this.client.userSession.deleteMany({
      where: { OR: [{ expiresAt: { lte: now } }, { lastSeenAt: { lte: idleSince } }] },
    });
    return count;
  }
}

function insertSession(
  client: Client | TransactionClient,
  { userId, tokenHash, at, address, userAgent }: UserSessionDraft,
): Promise<UserSession> {
  const expiresAt = new Date(at.getTime() + USER_SESSION_LIFETIME_MS);
  return client.userSession.create({
    data: { id: newId(), userId, tokenHash, createdAt: at, lastSeenAt: at, expiresAt, address, userAgent },
    omit: withoutHash,
  });
}
