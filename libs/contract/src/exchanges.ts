import { z } from 'zod';
import { streamQuery } from './changes.js';
import { RESPONSE_NOTES, type ResponseNoteCode } from './response-notes.js';
import { timestamp } from './text.js';

/** Bytes of one body that are captured. */
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

export const exchangeHead = z.strictObject({
  fields: z.array(headerField).describe('In their order, as they were sent.'),
  isTruncated: z.boolean().describe('Whether fields, or parts of values, were left out for their size.'),
});

const responseNote = z.strictObject({
  code: z.enum(Object.keys(RESPONSE_NOTES) as [ResponseNoteCode, ...ResponseNoteCode[]]),
  text: z.string().describe('The same in words.'),
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
    .describe('Of one whose visitor is a `replay`: the exchange that it repeats, if it repeats one.'),
  request: exchangeHead.describe('As the visitor sent it.'),
  response: exchangeHead.nullable().describe('As the service sent it; null: none came, or not yet.'),
  notes: z
    .array(responseNote)
    .describe(
      'What the service got wrong in a response that was delivered all the same; its connection was not used again.',
    ),
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

export const capturedBody = z.strictObject({
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
