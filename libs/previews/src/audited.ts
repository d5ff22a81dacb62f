import type { AuditTarget, Intercept, Preview } from '@culvert/domain';

/** What the audit log calls a preview. */
export function targetOfPreview({ id, hostname }: Pick<Preview, 'id' | 'hostname'>): AuditTarget {
  return { id, name: hostname };
}

export type AuditedPreview = ReturnType<typeof auditedPreview>;

/** What the audit log keeps of a preview. Headers by name alone: their values may be credentials for the ingress. */
export function auditedPreview(preview: Preview) {
  const {
    id: _id,
    teamId: _teamId,
    createdAt: _createdAt,
    updatedAt: _updatedAt,
    lastUsedAt: _lastUsedAt,
    addRequestHeaders,
    expiresAt,
    ...fields
  } = preview;
  return {
    ...fields,
    addRequestHeaders: Object.keys(addRequestHeaders).toSorted(),
    expiresAt: expiresAt?.toISOString() ?? null,
  };
}

/** The fields of a preview that the audit log keeps. */
export function auditedFields(preview: Preview): (keyof AuditedPreview)[] {
  return Object.keys(auditedPreview(preview)) as (keyof AuditedPreview)[];
}

/** What the audit log keeps of an intercept that is removed with its previews. */
export function auditedIntercept(
  { name, workload, namespace }: Pick<Intercept, 'name' | 'workload' | 'namespace'>,
  hostnames: readonly string[],
) {
  return { name, workload, namespace, hostnames };
}
