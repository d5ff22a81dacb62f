import { Inject, Injectable } from '@nestjs/common';
import {
  defaultShareLinkExpiry,
  ProblemError,
  type CreatedShareLinkResource,
  type CreateShareLinkRequest,
  type PageQuery,
  type ShareLinkResource,
} from '@culvert/contract';
import {
  apiKeyHint,
  generateSecret,
  hashSecret,
  MAX_CREDENTIALS_PER_PREVIEW,
  SHARE_LINK_PREFIX,
  type Page,
  type ShareLink,
  type Store,
} from '@culvert/domain';
import { SETTINGS, STORE } from '@culvert/nest';
import { previewUrl, type Settings } from '@culvert/runtime';
import { AuditLog } from '../../team/audit-events/audit-log.js';
import type { Caller } from '../../http/auth/caller.js';
import { Announcer } from '../../announcements/announcer.js';
import { PreviewsService } from '../previews.service.js';
import { credentialEnd } from './credential-end.js';
import { throwRefusal } from '../../team/team-limits.js';

@Injectable()
export class ShareLinksService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly previews: PreviewsService,
    private readonly audit: AuditLog,
    private readonly announcer: Announcer,
  ) {}

  async create(
    caller: Caller,
    previewId: string,
    { name, expiresAt }: CreateShareLinkRequest,
  ): Promise<CreatedShareLinkResource> {
    const preview = await this.previews.find(caller, previewId);
    const secret = generateSecret(SHARE_LINK_PREFIX);
    const link = await this.store.shareLinks
      .create(
        caller.teamId,
        previewId,
        {
          name,
          hint: apiKeyHint(secret),
          hash: hashSecret(secret),
          expiresAt: credentialEnd(caller, expiresAt, defaultShareLinkExpiry(new Date())),
        },
        { by: caller.authority, max: MAX_CREDENTIALS_PER_PREVIEW },
      )
      .catch(throwRefusal);
    if (link === null) throw this.previews.notFound(previewId);
    const resource = toResource(link);
    await this.audit.record(caller, 'share-link.create', link, {
      after: { previewId, hostname: preview.hostname, name, expiresAt: resource.expiresAt },
    });
    return {
      ...resource,
      url: `${previewUrl(this.settings, preview.hostname)}/.culvert/share/${secret}`,
    };
  }

  async list(caller: Caller, previewId: string, query: PageQuery): Promise<Page<ShareLinkResource>> {
    await this.previews.find(caller, previewId);
    const page = await this.store.shareLinks.list(caller.teamId, previewId, query);
    return { ...page, items: page.items.map(toResource) };
  }

  async revoke(caller: Caller, previewId: string, id: string): Promise<void> {
    const { hostname } = await this.previews.find(caller, previewId);
    const at = new Date();
    const link = await this.store.shareLinks.revoke(caller.teamId, previewId, id, at);
    if (link === null) throw new ProblemError('not_found', { detail: `share link ${id} does not exist` });
    if (link.revokedAt?.getTime() !== at.getTime()) return;
    await this.announcer.previewsChanged([hostname]);
    await this.audit.record(caller, 'share-link.revoke', link, {
      before: { previewId, hostname, name: link.name },
    });
  }
}

function toResource({ teamId: _teamId, ...link }: ShareLink): ShareLinkResource {
  return {
    ...link,
    expiresAt: link.expiresAt.toISOString(),
    revokedAt: link.revokedAt?.toISOString() ?? null,
    createdAt: link.createdAt.toISOString(),
  };
}
