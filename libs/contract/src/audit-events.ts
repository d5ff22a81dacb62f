import { z } from 'zod';
import { pageOf, pageQuery } from './page.js';
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

/** Years that databases write with four digits, whatever the offset. */
const isStorable = (moment: string) => Date.parse(moment) >= 0 && Date.parse(moment) <= 253_402_300_799_999;

const moment = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2030-01-31T12:00:00Z' })
  .max(40, 'must be at most 40 characters long')
  .refine(isStorable, 'must be in the years 1970 to 9999')
  .optional();

/** Which events: those that have all that is given. */
export const auditEventFilter = z.strictObject({
  actorId: id.optional().describe('Id of the key or person who did it.'),
  action: z
    .string()
    .max(64, 'must be at most 64 characters long')
    .regex(/^[a-z-]+\.[a-z-]+$/, 'must be like preview.create')
    .optional()
    .describe('What was done, such as preview.create.'),
  targetId: id.optional().describe('Id of what it was done to.'),
  from: moment.describe('Not before this moment.'),
  until: moment.describe('Before this moment.'),
});
export type AuditEventFilterQuery = z.output<typeof auditEventFilter>;

export const auditEventQuery = pageQuery.extend(auditEventFilter.shape);
export type AuditEventQuery = z.output<typeof auditEventQuery>;
