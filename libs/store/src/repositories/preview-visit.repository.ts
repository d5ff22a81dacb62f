import {
  isUserSessionUsable,
  mayOpen,
  verifiedEmailOf,
  type AccessCodeDraft,
  type PreviewVisit,
  type PreviewVisitDraft,
  type PreviewVisitRepository,
} from '@culvert/domain';
import { isForeignKeyViolation, type Client } from '../client.js';
import { newId } from '../ids.js';
import { isStorable } from '../text.js';

export class PrismaPreviewVisitRepository implements PreviewVisitRepository {
  constructor(private readonly client: Client) {}

  async createCode(draft: AccessCodeDraft): Promise<boolean> {
    return hangsOn(() => this.client.accessCode.create({ data: draft }));
  }

  async takeCode(hash: string, now: Date): Promise<Omit<AccessCodeDraft, 'hash' | 'expiresAt'> | null> {
    if (!isStorable(hash)) return null;
    const code = await this.client.accessCode.findUnique({ where: { hash } });
    if (code === null) return null;
    // Of two who found it at once, one removes it.
    const { count } = await this.client.accessCode.deleteMany({ where: { hash } });
    if (count === 0 || code.expiresAt <= now) return null;
    const { teamId, previewId, nonceHash, userId, userSessionId } = code;
    return { teamId, previewId, nonceHash, userId, userSessionId };
  }

  async create({ admittedBy, ...draft }: PreviewVisitDraft, maxVisits: number, now: Date): Promise<boolean> {
    const { teamId, previewId } = draft;
    // Of two at once both may pass: the limit keeps a link that got around from filling the disk.
    const count = await this.client.previewVisit.count({
      where: { teamId, previewId, expiresAt: { gt: now } },
    });
    if (count >= maxVisits) return false;
    return hangsOn(() =>
      this.client.previewVisit.create({ data: { ...draft, ...admittedBy, id: newId(), createdAt: now } }),
    );
  }

  async findUsable(hash: string, now: Date): Promise<PreviewVisit | null> {
    if (!isStorable(hash)) return null;
    const visit = await this.client.previewVisit.findUnique({
      where: { hash, expiresAt: { gt: now } },
      include: {
        preview: { select: { allowedEmails: true, allowedDomains: true } },
        shareLink: { select: { revokedAt: true, expiresAt: true } },
        userSession: { select: { expiresAt: true, lastSeenAt: true } },
        user: { select: { email: true, isEmailVerified: true, memberships: { select: { teamId: true } } } },
      },
    });
    if (visit === null) return null;
    const { id, previewId, teamId, userId, shareLink, user, userSession } = visit;
    if (shareLink !== null) {
      if (shareLink.revokedAt !== null || shareLink.expiresAt <= now) return null;
      return { id, previewId, userId, expiresAt: earlier(visit.expiresAt, shareLink.expiresAt) };
    }
    if (user === null || userSession === null || !isUserSessionUsable(userSession, now)) return null;
    const isMember = user.memberships.some((membership) => membership.teamId === teamId);
    if (!mayOpen(visit.preview, { isMember, verifiedEmail: verifiedEmailOf(user) })) return null;
    return { id, previewId, userId, expiresAt: earlier(visit.expiresAt, userSession.expiresAt) };
  }

  async removeExpired(now: Date): Promise<number> {
    const where = { expiresAt: { lte: now } };
    const codes = await this.client.accessCode.deleteMany({ where });
    const visits = await this.client.previewVisit.deleteMany({ where });
    return codes.count + visits.count;
  }
}

/** Whether the row could be made: what it hangs on may have gone meanwhile. */
async function hangsOn(create: () => Promise<unknown>): Promise<boolean> {
  try {
    await create();
    return true;
  } catch (error) {
    if (isForeignKeyViolation(error)) return false;
    throw error;
  }
}

function earlier(a: Date, b: Date): Date {
  return a < b ? a : b;
}
