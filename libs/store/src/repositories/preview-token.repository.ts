import type {
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

const withoutHash = { hash: true } as const;

export class PrismaPreviewTokenRepository implements PreviewTokenRepository {
  constructor(private readonly client: Client) {}

  async create(teamId: string, previewId: string, draft: PreviewTokenDraft): Promise<PreviewToken | null> {
    if (!isUuid(teamId) || !isUuid(previewId)) return null;
    try {
      return await this.client.previewToken.create({
        data: { ...draft, id: newId(), teamId, previewId, createdAt: new Date() },
        omit: withoutHash,
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

  async countUsable(teamId: string, previewId: string, now: Date): Promise<number> {
    if (!isUuid(teamId) || !isUuid(previewId)) return 0;
    return this.client.previewToken.count({
      where: { teamId, previewId, revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] },
    });
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
      where: { hash, revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] },
      omit: withoutHash,
    });
  }
}
