import { z } from 'zod';
import { pageOf } from './page.js';
import { id, timestamp } from './text.js';

const changedFields = z.record(z.string(), z.unknown()).nullable();

export const auditEventResource = z.strictObject({
  id,
  at: timestamp,
  actor: z.strictObject({
    kind: z.enum(['api-key', 'user', 'system']),
    id: z.string().nullable(),
    address: z.string().nullable(),
  }),
  action: z.string().describe('`<thing>.<verb>`, such as preview.create.'),
  targetId: z.string(),
  before: changedFields.describe('The changed fields as they were.'),
  after: changedFields.describe('The changed fields as they are since.'),
});
export type AuditEventResource = z.output<typeof auditEventResource>;

export const auditEventPage = pageOf(auditEventResource);
