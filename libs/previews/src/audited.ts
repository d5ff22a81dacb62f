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

/** Returns which audited fields differ, values of headers included. */
export function changedFields(before: Preview, after: Preview): (keyof AuditedPreview)[] {
  const fields = Object.keys(auditedPreview(after)) as (keyof AuditedPreview)[];
  return fields.filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]));
}

/** Returns the named fields of what is audited. */
export function pick(
  audited: AuditedPreview,
  fields: readonly (keyof AuditedPreview)[],
): Partial<AuditedPreview> {
  return Object.fromEntries(fields.map((field) => [field, audited[field]]));
}

/** What the audit log keeps of an intercept that is removed with its previews. */
export function auditedIntercept(
  { name, workload, namespace }: Pick<Intercept, 'name' | 'workload' | 'namespace'>,
  hostnames: readonly string[],
) {
  return { name, workload, namespace, hostnames };
}
