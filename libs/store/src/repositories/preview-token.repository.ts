import type {
  Making,
  Page,
  PageRequest,
  PreviewToken,
  PreviewTokenDraft,
  PreviewTokenRepository,
} from '@culvert/domain';
import { isForeignKeyViolation, type Client } from '../client.js';
import { isUuid, newId } from '../ids.js';
import { emptyPage, pageQuery, toPage } from '../page.js';
import { isStorable } from '../text.js';
import { refuseBeyond } from './lock-team.js';
import { lockTeamAs } from './standing.js';

const withoutHash = { hash: true } as const;

export class PrismaPreviewTokenRepository implements PreviewTokenRepository {
  constructor(private readonly client: Client) {}

  async create(
    teamId: string,
    previewId: string,
    draft: PreviewTokenDraft,
    { by, max }: Making,
  ): Promise<PreviewToken | null> {
    if (!isUuid(teamId) || !isUuid(previewId)) return null;
    const now = new Date();
    try {
      return await this.client.$transaction(async (tx) => {
        const { userId } = await lockTeamAs(tx, teamId, by, ['previews:write']);
        const where = { teamId, previewId, ...usable(now) };
        await refuseBeyond('preview tokens', max, () => tx.previewToken.count({ where }));
        return tx.previewToken.create({
          data: { ...draft, id: newId(), teamId, previewId, createdByUserId: userId, createdAt: now },
          omit: withoutHash,
        });
      });
    } catch (error) {
      if (isForeignKeyViolation(error)) return null;
      throw error;
    }
  }

  async list(teamId: string, previewId: string, page: PageRequest): Promise<Page<PreviewToken>> {
    const { where, ...order } = pageQuery('createdAt', page);
    if (!isUuid(teamId) || !isUuid(previewId)) return emptyPage();
    const rows = await this.client.previewToken.findMany({
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

  async revoke(teamId: string, previewId: string, id: string, at: Date): Promise<PreviewToken | null> {
    if (!isUuid(teamId) || !isUuid(previewId) || !isUuid(id)) return null;
    const where = { teamId, previewId, id };
    await this.client.previewToken.updateMany({
      where: { ...where, revokedAt: null },
      data: { revokedAt: at },
    });
    return this.client.previewToken.findFirst({ where, omit: withoutHash });
  }

  async findUsable(hash: string, now: Date): Promise<PreviewToken | null> {
    if (!isStorable(hash)) return null;
    return this.client.previewToken.findUnique({
      where: { hash, ...usable(now) },
      omit: withoutHash,
    });
  }
}

function usable(now: Date) {
  return { revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] };
}
