import type { PreviewResource } from '@culvert/contract';
import type { Intercept, Preview } from '@culvert/domain';
import { previewUrl, type Settings } from '@culvert/runtime';

/** What the team sees of its preview. */
export function toPreviewResource(
  preview: Preview,
  { name, workload, namespace, client }: Intercept,
  settings: Settings,
  pullRequest: PreviewResource['pullRequest'],
): PreviewResource {
  return {
    ...toPreviewFields(preview, settings, pullRequest),
    intercept: { name, workload, namespace, client },
  };
}

/** The same without what belongs to its intercept. */
export function toPreviewFields(
  { teamId: _teamId, ...preview }: Preview,
  settings: Settings,
  pullRequest: PreviewResource['pullRequest'],
): Omit<PreviewResource, 'intercept'> {
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

/** As what the audit log knows a preview. */
export function targetOfPreview({ id, hostname }: Pick<Preview, 'id' | 'hostname'>) {
  return { id, name: hostname };
}

/** What the audit log keeps of a preview: of headers the names, since values may be credentials for the ingress. */
export function auditedPreview(preview: Omit<PreviewResource, 'intercept'> & { intercept?: unknown }) {
  const {
    id: _id,
    url: _url,
    createdAt: _createdAt,
    updatedAt: _updatedAt,
    pullRequest: _pullRequest,
    lastUsedAt: _lastUsedAt,
    intercept: _intercept,
    addRequestHeaders,
    ...fields
  } = preview;
  return { ...fields, addRequestHeaders: Object.keys(addRequestHeaders).toSorted() };
}
