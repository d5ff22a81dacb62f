import { CHANGED_RESOURCES, CHANGES } from '@culvert/terms';
import { z } from 'zod';
import { id, timestamp } from './text.js';

/** Query of every stream of server-sent events. */
export const streamQuery = z.strictObject({
  team: id
    .optional()
    .describe(
      'ID of the team to act for. Replaces the header Culvert-Team, which browsers cannot send here.',
    ),
});
export type StreamQuery = z.output<typeof streamQuery>;

/** Data of the event `change`. */
export const changeEvent = z.strictObject({
  resource: z.enum(CHANGED_RESOURCES),
  id: z.string().describe('ID of the resource; for a member, the ID of the person.'),
  change: z
    .enum(CHANGES)
    .describe(
      '`removed` includes everything that belongs to the resource, without events of its own: the ' +
        'sessions, intercepts and previews of a traffic manager; the previews of an intercept; the share ' +
        'links and tokens of a preview.',
    ),
  at: timestamp,
});
export type ChangeEvent = z.output<typeof changeEvent>;

export const STREAM_END_REASONS = ['access_ended', 'gone', 'too_slow', 'interrupted'] as const;

/** Data of the event `end`, the last event of a stream. */
export const streamEnd = z.strictObject({
  reason: z
    .enum(STREAM_END_REASONS)
    .describe(
      '`access_ended`: sign in again, or use another key; `gone`: the watched resource was removed; ' +
        '`too_slow`: the reader did not keep up; `interrupted`: connect again.',
    ),
});
export type StreamEnd = z.output<typeof streamEnd>;
