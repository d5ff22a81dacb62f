import {
  isUserSessionUsable,
  mayOpen,
  verifiedEmailOf,
  type AccessCodeDraft,
  type PreviewVisit,
  type PreviewVisitDraft,
  type PreviewVisitRepository,
  type VisitLimits,
  type VisitOutcome,
} from '@culvert/domain';
import { isForeignKeyViolation, type Client } from '../client.js';
import { newId } from '../ids.js';
import { isStorable } from '../text.js';

type VisitOf = Pick<PreviewVisitDraft, 'teamId' | 'previewId'>;

export class PrismaPreviewVisitRepository implements PreviewVisitRepository {
  constructor(private readonly client: Client) {}

  async createCode(draft: AccessCodeDraft): Promise<boolean> {
    return hangsOn(() => this.client.accessCode.create({ data: draft }));
  }

  async consumeCode(hash: string, now: Date): Promise<Omit<AccessCodeDraft, 'hash' | 'expiresAt'> | null> {
    if (!isStorable(hash)) return null;
    const code = await this.client.accessCode.findUnique({ where: { hash } });
    if (code === null) return null;
    // If two found it at once, one removes it.
    const { count } = await this.client.accessCode.deleteMany({ where: { hash } });
    if (count === 0 || code.expiresAt <= now) return null;
    const { teamId, previewId, nonceHash, userId, userSessionId } = code;
    return { teamId, previewId, nonceHash, userId, userSessionId };
  }

  async create(
    { admittedBy, ...draft }: PreviewVisitDraft,
    limits: VisitLimits,
    now: Date,
  ): Promise<VisitOutcome> {
    // Two concurrent ones may both pass: the limits keep a leaked link from filling the disk.
    const full =
      'shareLinkId' in admittedBy
        ? await this.findFull(draft, admittedBy.shareLinkId, limits, now)
        : await this.makeRoom(draft, admittedBy.userId, limits, now);
    if (full !== null) return full;
    const isCreated = await hangsOn(() =>
      this.client.previewVisit.create({ data: { ...draft, ...admittedBy, id: newId(), createdAt: now } }),
    );
    return isCreated ? 'created' : 'gone';
  }

  /** Returns which limit a visit by this share link would exceed. */
  private async findFull(
    { teamId, previewId }: VisitOf,
    shareLinkId: string,
    { perShareLink, byShareLinks }: VisitLimits,
    now: Date,
  ): Promise<'link_full' | 'preview_full' | null> {
    const alive = { teamId, previewId, expiresAt: { gt: now } };
    const ofLink = await this.client.previewVisit.count({ where: { ...alive, shareLinkId } });
    if (ofLink >= perShareLink) return 'link_full';
    const ofLinks = await this.client.previewVisit.count({
      where: { ...alive, shareLink: { revokedAt: null } },
    });
    return ofLinks >= byShareLinks ? 'preview_full' : null;
  }

  /** Ends the oldest visits of this person beyond the limit, minus one. Guests are limited in total, too. */
  private async makeRoom(
    { teamId, previewId }: VisitOf,
    userId: string,
    { perPerson, byGuests }: VisitLimits,
    now: Date,
  ): Promise<'preview_full' | null> {
    const oldest = await this.client.previewVisit.findMany({
      where: { teamId, previewId, userId },
      orderBy: { createdAt: 'desc' },
      skip: perPerson - 1,
      select: { id: true },
    });
    if (oldest.length > 0)
      await this.client.previewVisit.deleteMany({ where: { id: { in: oldest.map(({ id }) => id) } } });
    const membership = await this.client.membership.findFirst({ where: { teamId, userId } });
    if (membership !== null) return null;
    const guests = await this.client.previewVisit.count({
      where: { teamId, previewId, expiresAt: { gt: now }, user: { memberships: { none: { teamId } } } },
    });
    return guests >= byGuests ? 'preview_full' : null;
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
    const { id, previewId, teamId, userId, shareLinkId, shareLink, user, userSession } = visit;
    if (shareLink !== null) {
      if (shareLink.revokedAt !== null || shareLink.expiresAt <= now) return null;
      return { id, previewId, userId, shareLinkId, expiresAt: earlier(visit.expiresAt, shareLink.expiresAt) };
    }
    if (user === null || userSession === null || !isUserSessionUsable(userSession, now)) return null;
    const isMember = user.memberships.some((membership) => membership.teamId === teamId);
    if (!mayOpen(visit.preview, { isMember, verifiedEmail: verifiedEmailOf(user) })) return null;
    return { id, previewId, userId, shareLinkId, expiresAt: earlier(visit.expiresAt, userSession.expiresAt) };
  }

  async removeExpired(now: Date): Promise<number> {
    const where = { expiresAt: { lte: now } };
    const codes = await this.client.accessCode.deleteMany({ where });
    const visits = await this.client.previewVisit.deleteMany({ where });
    return codes.count + visits.count;
  }
}

/** Reports whether the row could be created: a row that it refers to may be gone. */
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
