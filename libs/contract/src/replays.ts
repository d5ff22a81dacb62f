/** Sending a request to a preview again, or one that was written by hand. */
import { z } from 'zod';
import { capturedBody, exchangeHead } from './exchanges.js';
import { id, timestamp } from './text.js';

/** Bytes of the body of one replay. */
export const MAX_REPLAY_BODY_BYTES = 1_048_576;
/** Of the request that asks for one: the body in base64, and the head. */
export const MAX_REPLAY_REQUEST_BYTES = 1_572_864;
const MAX_FIELDS = 100;
const MAX_NAME_LENGTH = 256;
const MAX_VALUE_LENGTH = 8192;
const MAX_TARGET_LENGTH = 8192;
/** Of all fields, with the `: ` and CRLF that each brings. */
const MAX_FIELDS_LENGTH = 32_768;
const FIELD_OVERHEAD = 4;

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const field = z.strictObject({
  name: z
    .string()
    .max(MAX_NAME_LENGTH, `must be at most ${MAX_NAME_LENGTH} characters long`)
    .regex(TOKEN, 'must be a field name'),
  value: z
    .string()
    .max(MAX_VALUE_LENGTH, `must be at most ${MAX_VALUE_LENGTH} characters long`)
    .regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'must be printable characters of Latin-1'),
});

const tooLarge = `must be at most ${MAX_REPLAY_BODY_BYTES} bytes`;

const body = z
  .strictObject({
    text: z
      .string()
      .refine((text) => new TextEncoder().encode(text).length <= MAX_REPLAY_BODY_BYTES, tooLarge)
      .optional()
      .describe('Sent in UTF-8.'),
    base64: z
      .base64('must be base64')
      .max(Math.ceil(MAX_REPLAY_BODY_BYTES / 3) * 4, tooLarge)
      .optional(),
  })
  .refine(
    ({ text, base64 }) => (text === undefined) !== (base64 === undefined),
    'must have either text or base64',
  )
  .describe('Either as `text` or as `base64`. An empty text sends none, whatever the exchange had.');

export const createReplayRequest = z
  .strictObject({
    exchangeId: id
      .optional()
      .describe(
        'An exchange that edges still hold: one of the last 200 of a preview that somebody watches. What is not given below ' +
          'is taken from it. Fields whose values were masked are left out, Cookie and Authorization among them.',
      ),
    method: z
      .string()
      .max(32, 'must be at most 32 characters long')
      .regex(TOKEN, 'must be a method')
      .refine((method) => method !== 'CONNECT', 'must not be CONNECT')
      .optional(),
    target: z
      .string()
      .max(MAX_TARGET_LENGTH, `must be at most ${MAX_TARGET_LENGTH} characters long`)
      .regex(/^\/[\x21-\x7e]*$/, 'must be a path, with a query or without one, in visible ASCII')
      .optional()
      .describe('Path and query.'),
    headers: z
      .array(field)
      .max(MAX_FIELDS, `must be at most ${MAX_FIELDS}`)
      .refine(
        (fields) =>
          fields.reduce((sum, { name, value }) => sum + name.length + value.length + FIELD_OVERHEAD, 0) <=
          MAX_FIELDS_LENGTH,
        `must be at most ${MAX_FIELDS_LENGTH} bytes in all`,
      )
      .optional()
      .describe(
        'All of them; none of those of the exchange is added. What frames the message, names the host or says who asks is ' +
          'written by Culvert, as for visitors, and credentials for Culvert are removed.',
      ),
    body: body.optional(),
  })
  .refine(({ exchangeId, method }) => exchangeId !== undefined || method !== undefined, {
    error: 'is needed without exchangeId',
    path: ['method'],
  })
  .refine(({ exchangeId, target }) => exchangeId !== undefined || target !== undefined, {
    error: 'is needed without exchangeId',
    path: ['target'],
  });
export type CreateReplayRequest = z.output<typeof createReplayRequest>;

export const REPLAY_ENDS = ['complete', 'cut', 'broken'] as const;

export const replayResource = z.strictObject({
  exchangeId: z.string().describe('Of the new exchange, as those see it who watch the preview.'),
  replayOf: z.string().nullable().describe('The exchange that was repeated.'),
  startedAt: timestamp,
  status: z.int().describe("The service's."),
  response: exchangeHead.describe('As the service sent it.'),
  body: capturedBody.nullable().describe('What the visitor would have got of it; nothing is masked.'),
  firstByteMs: z.number().describe('From the request to the head of the response.'),
  durationMs: z.number().describe('From the request to the end of the response.'),
  end: z
    .enum(REPLAY_ENDS)
    .describe(
      'Whether the response is `complete`. `cut`: after 30 seconds, or 16 MiB, no more of it was read; `broken`: it broke off.',
    ),
});
export type ReplayResource = z.output<typeof replayResource>;
