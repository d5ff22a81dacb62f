import { Inject, Injectable } from '@nestjs/common';
import {
  ProblemError,
  type CreatedPreviewTokenResource,
  type CreatePreviewTokenRequest,
  type PageQuery,
  type PreviewTokenResource,
} from '@culvert/contract';
import {
  apiKeyHint,
  generateSecret,
  hashSecret,
  MAX_CREDENTIALS_PER_PREVIEW,
  PREVIEW_TOKEN_PREFIX,
  type Page,
  type PreviewToken,
  type Store,
} from '@culvert/domain';
import { STORE } from '@culvert/nest';
import { AuditLog } from '../../team/audit-events/audit-log.js';
import type { Caller } from '../../http/auth/caller.js';
import { Announcer } from '../../announcements/announcer.js';
import { PreviewsService } from '../previews.service.js';
import { credentialEnd } from './credential-end.js';
import { throwRefusal } from '../../team/team-limits.js';

@Injectable()
export class PreviewTokensService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    private readonly previews: PreviewsService,
    private readonly audit: AuditLog,
    private readonly announcer: Announcer,
  ) {}

  async create(
    caller: Caller,
    previewId: string,
    { name, expiresAt }: CreatePreviewTokenRequest,
  ): Promise<CreatedPreviewTokenResource> {
    const { hostname } = await this.previews.find(caller, previewId);
    const secret = generateSecret(PREVIEW_TOKEN_PREFIX);
    const token = await this.store.previewTokens
      .create(
        caller.teamId,
        previewId,
        {
          name,
          hint: apiKeyHint(secret),
          hash: hashSecret(secret),
          expiresAt: credentialEnd(caller, expiresAt, null),
        },
        { by: caller.authority, max: MAX_CREDENTIALS_PER_PREVIEW },
      )
      .catch(throwRefusal);
    if (token === null) throw this.previews.notFound(previewId);
    const resource = toResource(token);
    await this.audit.record(caller, 'preview-token.create', token, {
      after: { previewId, hostname, name, expiresAt: resource.expiresAt },
    });
    return { ...resource, token: secret };
  }

  async list(caller: Caller, previewId: string, query: PageQuery): Promise<Page<PreviewTokenResource>> {
    await this.previews.find(caller, previewId);
    const page = await this.store.previewTokens.list(caller.teamId, previewId, query);
    return { ...page, items: page.items.map(toResource) };
  }

  async revoke(caller: Caller, previewId: string, id: string): Promise<void> {
    const { hostname } = await this.previews.find(caller, previewId);
    const at = new Date();
    const token = await this.store.previewTokens.revoke(caller.teamId, previewId, id, at);
    if (token === null) throw new ProblemError('not_found', { detail: `preview token ${id} does not exist` });
    if (token.revokedAt?.getTime() !== at.getTime()) return;
    await this.announcer.previewsChanged([hostname]);
    await this.audit.record(caller, 'preview-token.revoke', token, {
      before: { previewId, hostname, name: token.name },
    });
  }
}

function toResource({ teamId: _teamId, ...token }: PreviewToken): PreviewTokenResource {
  return {
    ...token,
    expiresAt: token.expiresAt?.toISOString() ?? null,
    revokedAt: token.revokedAt?.toISOString() ?? null,
    createdAt: token.createdAt.toISOString(),
  };
}
