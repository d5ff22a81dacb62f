import type { PreviewResource } from '@culvert/contract';
import type { Intercept, Preview } from '@culvert/domain';
import { previewUrl, type Settings } from '@culvert/runtime';

/** Fields of the intercept that a preview shows. */
export type InterceptOfPreview = Pick<Intercept, 'name' | 'workload' | 'namespace' | 'client'>;

/** Returns the preview as its team sees it. */
export function toPreviewResource(
  preview: Preview,
  { name, workload, namespace, client }: InterceptOfPreview,
  settings: Settings,
  pullRequest: PreviewResource['pullRequest'],
): PreviewResource {
  const { teamId: _teamId, ...fields } = preview;
  return {
    ...fields,
    intercept: { name, workload, namespace, client },
    pullRequest,
    url: previewUrl(settings, preview.hostname),
    ingress: { ...preview.ingress },
    allowedEmails: [...preview.allowedEmails],
    allowedDomains: [...preview.allowedDomains],
    keep: preview.keep && { ...preview.keep },
    addRequestHeaders: { ...preview.addRequestHeaders },
    expiresAt: preview.expiresAt?.toISOString() ?? null,
    lastUsedAt: preview.lastUsedAt?.toISOString() ?? null,
    createdAt: preview.createdAt.toISOString(),
    updatedAt: preview.updatedAt.toISOString(),
  };
}
