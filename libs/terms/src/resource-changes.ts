/** Resources of a team that can be watched for changes. */
export const CHANGED_RESOURCES = [
  'api-key',
  'audit-event',
  'intercept',
  'invitation',
  'member',
  'preview',
  'preview-token',
  'session',
  'share-link',
  'team',
  'traffic-manager',
  'webhook',
  'workload-identity',
] as const;
export type ChangedResource = (typeof CHANGED_RESOURCES)[number];

export const CHANGES = ['created', 'updated', 'removed'] as const;
export type Change = (typeof CHANGES)[number];
