import type {
  Making,
  Page,
  PageRequest,
  ShareLink,
  ShareLinkDraft,
  ShareLinkRepository,
} from '@culvert/domain';
import { isForeignKeyViolation, type Client } from '../client.js';
import { isUuid, newId } from '../ids.js';
import { emptyPage, pageQuery, toPage } from '../page.js';
import { isStorable } from '../text.js';
import { refuseBeyond } from './lock-team.js';
import { lockTeamAs } from './standing.js';

const withoutHash = { hash: true } as const;

export class PrismaShareLinkRepository implements ShareLinkRepository {
  constructor(private readonly client: Client) {}

  async create(
    teamId: string,
    previewId: string,
    draft: ShareLinkDraft,
    { by, max }: Making,
  ): Promise<ShareLink | null> {
    if (!isUuid(teamId) || !isUuid(previewId)) return null;
    const now = new Date();
    try {
      return await this.client.$transaction(async (tx) => {
        const { userId } = await lockTeamAs(tx, teamId, by, ['previews:write']);
        const where = { teamId, previewId, ...usable(now) };
        await refuseBeyond('share links', max, () => tx.shareLink.count({ where }));
        return tx.shareLink.create({
          data: { ...draft, id: newId(), teamId, previewId, createdByUserId: userId, createdAt: now },
          omit: withoutHash,
        });
      });
    } catch (error) {
      if (isForeignKeyViolation(error)) return null;
      throw error;
    }
  }

  async list(teamId: string, previewId: string, page: PageRequest): Promise<Page<ShareLink>> {
    const { where, ...order } = pageQuery('createdAt', page);
    if (!isUuid(teamId) || !isUuid(previewId)) return emptyPage();
    const rows = await this.client.shareLink.findMany({
      where: { teamId, previewId, ...where },
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

  async revoke(teamId: string, previewId: string, id: string, at: Date): Promise<ShareLink | null> {
    if (!isUuid(teamId) || !isUuid(previewId) || !isUuid(id)) return null;
    const where = { teamId, previewId, id };
    await this.client.shareLink.updateMany({ where: { ...where, revokedAt: null }, data: { revokedAt: at } });
    return this.client.shareLink.findFirst({ where, omit: withoutHash });
  }

  async findUsable(hash: string, now: Date): Promise<ShareLink | null> {
    if (!isStorable(hash)) return null;
    return this.client.shareLink.findUnique({
      where: { hash, ...usable(now) },
      omit: withoutHash,
    });
  }
}

function usable(now: Date) {
  return { revokedAt: null, expiresAt: { gt: now } };
}
