import type { AuditTarget, Intercept, Preview } from '@culvert/domain';

/** Returns a preview as a target in the audit log. */
export function targetOfPreview({ id, hostname }: Pick<Preview, 'id' | 'hostname'>): AuditTarget {
  return { id, name: hostname };
}

export type AuditedPreview = ReturnType<typeof auditedPreview>;

/**
 * Returns the fields of a preview that the audit log keeps. Headers by name only: their values may be credentials for
 * the ingress.
 */
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

/** Returns the names of the fields that the audit log keeps. */
export function auditedFields(preview: Preview): (keyof AuditedPreview)[] {
  return Object.keys(auditedPreview(preview)) as (keyof AuditedPreview)[];
}

/** Returns what the audit log keeps of an intercept that is removed with its previews. */
export function auditedIntercept(
  { name, workload, namespace }: Pick<Intercept, 'name' | 'workload' | 'namespace'>,
  hostnames: readonly string[],
) {
  return { name, workload, namespace, hostnames };
}
