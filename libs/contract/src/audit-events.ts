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
    name: z.string().nullable().describe('What it was called then; null for the system.'),
    address: z.string().nullable(),
  }),
  action: z.string().describe('`<thing>.<verb>`, such as preview.create.'),
  summary: z
    .string()
    .describe(
      'What the actor did, in words, with names as they were then: revoked the key "staging". Meant for people; it may change.',
    ),
  targetId: z.string(),
  targetName: z.string().nullable().describe('What the target was called then, such as a hostname.'),
  current: z
    .strictObject({
      resource: z.enum(['api-key', 'intercept', 'member', 'preview', 'traffic-manager']),
      id: z.string(),
    })
    .nullable()
    .describe('What it is about, while the team still has it.'),
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
  name: z
    .string()
    .min(1, 'must not be empty')
    .max(253, 'must be at most 253 characters long')
    .optional()
    .describe('Text in the name of what it was done to, in any case.'),
  from: moment.describe('Not before this moment.'),
  until: moment.describe('Before this moment.'),
});
export type AuditEventFilterQuery = z.output<typeof auditEventFilter>;

export const auditEventQuery = pageQuery.extend(auditEventFilter.shape);
export type AuditEventQuery = z.output<typeof auditEventQuery>;
