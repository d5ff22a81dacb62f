import { z } from 'zod';
import { pageOf, pageQuery } from './page.js';
import { id, timestamp } from './text.js';

const changedFields = z.record(z.string(), z.unknown()).nullable();

export const auditEventResource = z.strictObject({
  id,
  at: timestamp,
  actor: z.strictObject({
    kind: z.enum(['api-key', 'user', 'workload-identity', 'system']),
    id: z.string().nullable(),
    name: z.string().nullable().describe('Name of the actor at that time; null for the system.'),
    address: z.string().nullable(),
  }),
  action: z.string().describe('`<thing>.<verb>`, such as preview.create.'),
  summary: z
    .string()
    .describe(
      'What the actor did, in words, with the names of that time: revoked the key "staging". For people; ' +
        'the wording may change.',
    ),
  targetId: z.string(),
  targetName: z.string().nullable().describe('Name of the target at that time, such as a hostname.'),
  current: z
    .strictObject({
      resource: z.enum(['api-key', 'intercept', 'member', 'preview', 'traffic-manager', 'workload-identity']),
      id: z.string(),
    })
    .nullable()
    .describe('The resource that the event is about, as long as the team still has it.'),
  before: changedFields.describe('Previous values of the changed fields.'),
  after: changedFields.describe('New values of the changed fields.'),
});
export type AuditEventResource = z.output<typeof auditEventResource>;

export const auditEventPage = pageOf(auditEventResource);

/** Reports whether a moment is in the years that databases write with four digits, whatever the offset. */
const isStorable = (moment: string) => Date.parse(moment) >= 0 && Date.parse(moment) <= 253_402_300_799_999;

const moment = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2030-01-31T12:00:00Z' })
  .max(40, 'must be at most 40 characters long')
  .refine(isStorable, 'must be in the years 1970 to 9999')
  .optional();

/** Filter for events. An event must match every field that is given. */
export const auditEventFilter = z.strictObject({
  actorId: id.optional().describe('ID of the key, person or workload identity that did it.'),
  action: z
    .string()
    .max(64, 'must be at most 64 characters long')
    .regex(/^[a-z-]+\.[a-z-]+$/, 'must have the form of preview.create')
    .optional()
    .describe('Action, such as preview.create.'),
  targetId: id.optional().describe('ID of the target.'),
  name: z
    .string()
    .min(1, 'must not be empty')
    .max(253, 'must be at most 253 characters long')
    .optional()
    .describe('Text in the name of the target. Case does not matter.'),
  from: moment.describe('Only events at or after this moment.'),
  until: moment.describe('Only events before this moment.'),
});
export type AuditEventFilterQuery = z.output<typeof auditEventFilter>;

export const auditEventQuery = pageQuery.extend(auditEventFilter.shape);
export type AuditEventQuery = z.output<typeof auditEventQuery>;
