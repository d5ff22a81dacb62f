import { CHANGED_RESOURCES, CHANGES } from '@culvert/terms';
import { z } from 'zod';
import { id, timestamp } from './text.js';

/** Query of every stream of server-sent events. */
export const streamQuery = z.strictObject({
  team: id
    .optional()
    .describe('The team to act for, as the header Culvert-Team says it, which browsers cannot send here.'),
});
export type StreamQuery = z.output<typeof streamQuery>;

/** Data of the event `change`. */
export const changeEvent = z.strictObject({
  resource: z.enum(CHANGED_RESOURCES),
  id: z.string().describe('Of a member the id of the person.'),
  change: z
    .enum(CHANGES)
    .describe(
      '`removed` takes along what belongs to it, without events of its own: the sessions, intercepts and previews of a ' +
        'traffic manager; the previews of an intercept; the share links and tokens of a preview.',
    ),
  at: timestamp,
});
export type ChangeEvent = z.output<typeof changeEvent>;

export const STREAM_END_REASONS = ['access_ended', 'gone', 'too_slow', 'interrupted'] as const;

/** Data of the event `end`, after which a stream says nothing more. */
export const streamEnd = z.strictObject({
  reason: z
    .enum(STREAM_END_REASONS)
    .describe(
      '`access_ended`: sign in anew, or use another key; `gone`: what is watched was removed; `too_slow`: the reader ' +
        'did not keep up; `interrupted`: connect again.',
    ),
});
export type StreamEnd = z.output<typeof streamEnd>;
