/** Sending a recorded request to a preview again, or sending a new one. */
import { z } from 'zod';
import { capturedBody, exchangeHead } from './exchanges.js';
import { id, timestamp } from './text.js';

/** Maximum number of bytes of the body of one replay. */
export const MAX_REPLAY_BODY_BYTES = 1_048_576;
/** Maximum number of bytes of the request for a replay: the body in base64, and the head. */
export const MAX_REPLAY_REQUEST_BYTES = 1_572_864;
const MAX_FIELDS = 100;
const MAX_NAME_LENGTH = 256;
const MAX_VALUE_LENGTH = 8192;
const MAX_TARGET_LENGTH = 8192;
/** Maximum number of bytes of all fields, including the `: ` and CRLF of each. */
const MAX_FIELDS_LENGTH = 32_768;
const FIELD_OVERHEAD = 4;

/** Token of RFC 9110 §5.6.2. */
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
      .describe('Text, sent in UTF-8.'),
    base64: z
      .base64('must be base64')
      .max(Math.ceil(MAX_REPLAY_BODY_BYTES / 3) * 4, tooLarge)
      .optional(),
  })
  .refine(
    ({ text, base64 }) => (text === undefined) !== (base64 === undefined),
    'must have either text or base64',
  )
  .describe(
    'Body as `text` or as `base64`. An empty text sends no body, whatever the recorded exchange had.',
  );

export const createReplayRequest = z
  .strictObject({
    exchangeId: id
      .optional()
      .describe(
        'ID of an exchange that edges still hold: one of the last 200 of a preview that is being watched. ' +
          'Parts that are not given below are taken from it. Fields whose values were masked are left out, ' +
          'including Cookie and Authorization.',
      ),
    method: z
      .string()
      .max(32, 'must be at most 32 characters long')
      .regex(TOKEN, 'must be an HTTP method')
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
        'All header fields; no field of the recorded exchange is added. Culvert writes the fields that frame ' +
          'the message, name the host or identify the visitor, and removes credentials for Culvert.',
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
  exchangeId: z.string().describe('ID of the new exchange, as seen by people who watch the preview.'),
  replayOf: z.string().nullable().describe('ID of the repeated exchange.'),
  startedAt: timestamp,
  status: z.int().describe("Status of the service's response."),
  response: exchangeHead.describe('Response head as the service sent it.'),
  body: capturedBody.nullable().describe('Body that a visitor would have received; nothing is masked.'),
  firstByteMs: z.number().describe('Time from the request to the head of the response.'),
  durationMs: z.number().describe('Time from the request to the end of the response.'),
  end: z
    .enum(REPLAY_ENDS)
    .describe(
      '`complete`: the whole response was read. `cut`: reading stopped after 30 seconds or 16 MiB. ' +
        '`broken`: the response broke off.',
    ),
});
export type ReplayResource = z.output<typeof replayResource>;
