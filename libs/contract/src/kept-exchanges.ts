import { KEPT_KINDS } from '@culvert/terms';
import { z } from 'zod';
import { exchange, exchangeBodies } from './exchanges.js';
import { pageOf, pageQuery } from './page.js';
import { id, text, timestamp } from './text.js';

const MAX_ALTERNATIVES = 10;
const MAX_MINIMUM_MS = 24 * 60 * 60 * 1000;

const flag = z.enum(['true', 'false'], 'must be true or false').transform((value) => value === 'true');

/** Alternatives that are separated by commas. */
function alternatives(item: RegExp, message: string) {
  return z
    .string()
    .max(400, 'must be at most 400 characters long')
    .transform((value) => value.split(','))
    .refine((items) => items.length <= MAX_ALTERNATIVES, `must be at most ${MAX_ALTERNATIVES}`)
    .refine((items) => items.every((each) => item.test(each)), message);
}

const moment = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2030-01-31T12:00:00Z' })
  .max(40, 'must be at most 40 characters long');

const withBodies = flag
  .default(false)
  .describe('Whether to include bodies. Needs the scope `previews:write` as well.');

export const keptBodiesQuery = z.strictObject({ bodies: withBodies });
export type KeptBodiesQuery = z.output<typeof keptBodiesQuery>;

/** Selects kept exchanges. An exchange must match every parameter that is given. */
export const keptExchangeFilter = z.strictObject({
  method: alternatives(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/, 'must be methods, separated by commas')
    .optional()
    .describe('One of these methods, separated by commas.'),
  status: alternatives(
    /^([1-5]\d\d|[1-5]xx|failed)$/,
    'must be such as 404, 4xx or failed, separated by commas',
  )
    .optional()
    .describe('One of these statuses or classes, such as `404,5xx`; `failed`: Culvert reports an error.'),
  path: text(2000)
    .optional()
    .describe('Text in the path and query or, with a star, a pattern for the whole path, such as `/api/*`.'),
  host: text(255).optional().describe('Text in the Host field.'),
  from: moment.optional().describe('Only exchanges that began at this moment or later.'),
  until: moment.optional().describe('Only exchanges that began before this moment.'),
  hasError: flag.optional().describe('Whether the exchange failed, or its status is 400 or higher.'),
  minDurationMs: z.coerce
    .number('must be a number')
    .min(0, 'must not be negative')
    .max(MAX_MINIMUM_MS, `must be at most ${MAX_MINIMUM_MS}`)
    .optional()
    .describe('Only exchanges that took at least this many milliseconds.'),
  text: text(200)
    .optional()
    .describe(
      'Text in the target, in a header field or, with `bodies`, in a body or message that is text. Case does not matter.',
    ),
  bodies: withBodies,
});
export type KeptExchangeFilter = z.output<typeof keptExchangeFilter>;

export const keptExchangeQuery = pageQuery.extend(keptExchangeFilter.shape);
export type KeptExchangeQuery = z.output<typeof keptExchangeQuery>;

export const keptExchangeResource = z.strictObject({
  id,
  kind: z
    .enum(KEPT_KINDS)
    .describe(
      '`exchange`: an exchange; `omitted`: exchanges that were left out at this time, because there were too many or ' +
        'the database did not answer; `unreadable`: an exchange whose encryption key the server no longer has, or that ' +
        'was changed. A filter other than the time finds only `exchange`.',
    ),
  startedAt: timestamp,
  expiresAt: timestamp.describe('Time when it is removed.'),
  omitted: z.int().describe('Number of exchanges that were left out; 0 unless `kind` is `omitted`.'),
  hasBodies: z.boolean().describe('Whether a body is kept.'),
  exchange: exchange.nullable().describe('The exchange as it ended; null unless `kind` is `exchange`.'),
  bodies: exchangeBodies
    .nullable()
    .describe('Its bodies; null if none are kept, or they were not asked for.'),
});
export type KeptExchangeResource = z.output<typeof keptExchangeResource>;

export const keptExchangePage = pageOf(keptExchangeResource);
export type KeptExchangePage = z.output<typeof keptExchangePage>;
