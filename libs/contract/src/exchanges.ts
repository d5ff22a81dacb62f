import { z } from 'zod';
import { streamQuery } from './changes.js';
import { id, timestamp } from './text.js';

/** Bytes of one body that are captured, or that an answer to a replay holds. */
export const MAX_CAPTURED_BYTES = 65_536;

export const exchangesQuery = streamQuery.extend({
  captureBodies: z
    .enum(['true', 'false'], 'must be true or false')
    .default('false')
    .transform((text) => text === 'true')
    .describe(
      `Whether to have bodies captured while this stream is open, up to ${MAX_CAPTURED_BYTES} bytes each. Needs the ` +
        'scope `previews:write` as well.',
    ),
});
export type ExchangesQuery = z.output<typeof exchangesQuery>;

export const VISITOR_KINDS = [
  'anyone',
  'member',
  'share-link',
  'preview-token',
  'api-key',
  'replay',
] as const;

const headerField = z.strictObject({
  name: z.string(),
  value: z.string(),
  isMasked: z.boolean().describe('Whether a secret, or a part that is one, was replaced by `***`.'),
});

const head = z.strictObject({
  fields: z.array(headerField).describe('In their order, as they were sent.'),
  isTruncated: z.boolean().describe('Whether fields, or parts of values, were left out for their size.'),
});

const milliseconds = z.number().nullable();

/** Data of the event `exchange`. One of the same id replaces what was known of it. */
export const exchange = z.strictObject({
  id: z.string(),
  state: z.enum(['open', 'ended']),
  startedAt: timestamp,
  method: z.string(),
  target: z.string().describe('Path and query; secrets in the query masked.'),
  httpVersion: z.enum(['1.0', '1.1', '2']).describe('That the visitor speaks.'),
  upgrade: z.string().nullable().describe('What the visitor asks to switch to, such as `websocket`.'),
  visitor: z.strictObject({
    address: z.string(),
    kind: z.enum(VISITOR_KINDS).describe('By what they were let in; `anyone`: the preview is public.'),
    id: z
      .string()
      .nullable()
      .describe('Of the person (`member`, `replay`) or API key, where one is known; null otherwise.'),
  }),
  replayOf: z
    .string()
    .nullable()
    .describe('Of a replay the id of the exchange it repeats, where there is one.'),
  request: head.describe('As the visitor sent it.'),
  response: head.nullable().describe('As the service sent it; null: none came, or not yet.'),
  status: z.int().nullable().describe("The service's, or of the answer that Culvert gave instead."),
  error: z
    .string()
    .nullable()
    .describe('Why it failed, as in `X-Culvert-Error`; `cancelled`: the visitor went away.'),
  timings: z
    .strictObject({
      gateMs: milliseconds,
      waitMs: milliseconds.describe('For a traffic manager, or for room on its tunnel.'),
      connectMs: milliseconds.describe('Until the ingress was connected; 0 on a connection that was open.'),
      firstByteMs: milliseconds.describe('From then on until the head of the response.'),
      bodyMs: milliseconds.describe('From then on until the end.'),
    })
    .describe('Durations of the steps one after the other; null: not reached.'),
  bytesIn: z.int().describe('Sent to the service, heads included.'),
  bytesOut: z.int().describe('Received from the service, heads included.'),
});
export type Exchange = z.output<typeof exchange>;

const capturedBody = z.strictObject({
  base64: z.string(),
  bytes: z.int().describe('Of the whole body, as far as it came.'),
  isTruncated: z.boolean(),
  contentType: z.string().nullable(),
  contentEncoding: z.string().nullable().describe('That the bytes are still in.'),
});
export type CapturedBody = z.output<typeof capturedBody>;

/** Data of the event `bodies`: those of an exchange that has ended. Nothing is masked in them. */
export const exchangeBodies = z.strictObject({
  id: z.string().describe('Of the exchange.'),
  request: capturedBody.nullable(),
  response: capturedBody.nullable(),
});
export type ExchangeBodies = z.output<typeof exchangeBodies>;

/** Data of the event `omitted`. */
export const omittedExchanges = z.strictObject({
  count: z
    .int()
    .describe('Exchanges left out since the last event of this kind: there were too many at once.'),
});
export type OmittedExchanges = z.output<typeof omittedExchanges>;

const MAX_REPLAY_FIELDS = 100;
const MAX_REPLAY_BODY_BYTES = 1_048_576;

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const replayField = z.strictObject({
  name: z.string().max(256, 'must be at most 256 characters long').regex(token, 'must be a field name'),
  value: z
    .string()
    .max(8192, 'must be at most 8192 characters long')
    .regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'must be a field value: printable, in Latin-1'),
});

const requestFields = {
  method: z
    .string()
    .max(32, 'must be at most 32 characters long')
    .regex(token, 'must be a method')
    .refine((method) => method !== 'CONNECT', 'must not be CONNECT'),
  target: z
    .string()
    .max(8192, 'must be at most 8192 characters long')
    .regex(/^\/[\x21-\x7e]*$/, 'must be a path, with a query or without, in ASCII'),
  headers: z.array(replayField).max(MAX_REPLAY_FIELDS, `must be at most ${MAX_REPLAY_FIELDS}`),
  body: z
    .base64('must be base64')
    .max(Math.ceil(MAX_REPLAY_BODY_BYTES / 3) * 4, `must be at most ${MAX_REPLAY_BODY_BYTES} bytes`)
    .describe('Base64.'),
};

export const createReplayRequest = z
  .strictObject({
    exchangeId: id
      .optional()
      .describe(
        'An exchange that is still held. What is not given below is taken from it, but for fields that were masked.',
      ),
    method: requestFields.method.optional(),
    target: requestFields.target.optional(),
    headers: requestFields.headers.optional(),
    body: requestFields.body.optional(),
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

export const replayResource = z.strictObject({
  exchange: exchange.describe('As the feed shows it.'),
  response: z
    .strictObject({ status: z.int(), fields: z.array(headerField), body: capturedBody })
    .nullable()
    .describe('What a visitor would have got, up to a limit; null: it broke off.'),
});
export type ReplayResource = z.output<typeof replayResource>;
