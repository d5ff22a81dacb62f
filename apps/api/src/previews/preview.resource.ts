import type { PreviewResource } from '@culvert/contract';
import type { Preview } from '@culvert/domain';
import { previewUrl, type Settings } from '@culvert/platform';

/** What the team sees of its preview. */
export function toPreviewResource(
  { teamId: _teamId, ...preview }: Preview,
  settings: Settings,
  pullRequest: PreviewResource['pullRequest'],
): PreviewResource {
  return {
    ...preview,
    pullRequest,
    url: previewUrl(settings, preview.hostname),
    ingress: { ...preview.ingress },
    allowedEmails: [...preview.allowedEmails],
    allowedDomains: [...preview.allowedDomains],
    addRequestHeaders: { ...preview.addRequestHeaders },
    expiresAt: preview.expiresAt?.toISOString() ?? null,
    lastUsedAt: preview.lastUsedAt?.toISOString() ?? null,
    createdAt: preview.createdAt.toISOString(),
    updatedAt: preview.updatedAt.toISOString(),
  };
}

/** What the audit log keeps of a preview: of headers the names, since values may be credentials for the ingress. */
export function auditedPreview(preview: PreviewResource) {
  const {
    id: _id,
    url: _url,
    createdAt: _createdAt,
    updatedAt: _updatedAt,
    pullRequest: _pullRequest,
    lastUsedAt: _lastUsedAt,
    addRequestHeaders,
    ...fields
  } = preview;
  return { ...fields, addRequestHeaders: Object.keys(addRequestHeaders).toSorted() };
}
