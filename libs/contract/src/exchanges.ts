import { z } from 'zod';
import { streamQuery } from './changes.js';
import { RESPONSE_NOTES, type ResponseNoteCode } from './response-notes.js';
import { timestamp } from './text.js';

/** Maximum number of bytes captured of one body. */
export const MAX_CAPTURED_BYTES = 65_536;

export const exchangesQuery = streamQuery.extend({
  captureBodies: z
    .enum(['true', 'false'], 'must be true or false')
    .default('false')
    .transform((text) => text === 'true')
    .describe(
      `Whether to capture bodies while this stream is open, up to ${MAX_CAPTURED_BYTES} bytes each, and messages ` +
        'of WebSockets, gRPC calls and streams of events, up to 16384 bytes each. Needs ' +
        'the scope `previews:write` as well.',
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
  isMasked: z.boolean().describe('Whether a secret, or a part that is a secret, was replaced by `***`.'),
});

export const exchangeHead = z.strictObject({
  fields: z.array(headerField).describe('Fields in the order in which they were sent.'),
  isTruncated: z
    .boolean()
    .describe('Whether fields, or parts of values, were left out because of their size.'),
});

const responseNote = z.strictObject({
  code: z.enum(Object.keys(RESPONSE_NOTES) as [ResponseNoteCode, ...ResponseNoteCode[]]),
  text: z.string().describe('The reason in words.'),
});

const fieldChange = z.strictObject({
  message: z.enum(['request', 'response']),
  name: z.string(),
  value: z.string().nullable().describe('Value that was passed on; null: the field was left out.'),
  isMasked: z.boolean().describe('Whether a secret, or a part that is a secret, was replaced by `***`.'),
});

const milliseconds = z.number().nullable();

/** Kinds of messages: of a WebSocket, of a gRPC call and its end, and of a stream of events. */
export const MESSAGE_KINDS = [
  'text',
  'binary',
  'close',
  'ping',
  'pong',
  'grpc',
  'trailers',
  'event',
] as const;
export type MessageKind = (typeof MESSAGE_KINDS)[number];

const messageTotals = z.strictObject({
  count: z.int(),
  bytes: z.int().describe('Sum of the lengths as they were sent.'),
});

const messageSummary = z.strictObject({
  protocol: z.enum(['websocket', 'grpc', 'grpc-web', 'events']),
  request: messageTotals.describe('Messages that the visitor has sent.'),
  response: messageTotals.describe('Messages that the service has sent.'),
  note: z
    .string()
    .nullable()
    .describe('Why messages are no longer observed, for people; null: they are. Traffic is not affected.'),
});

/** Data of the event `exchange`. It replaces an earlier event with the same ID. */
export const exchange = z.strictObject({
  id: z.string(),
  state: z.enum(['open', 'ended']),
  startedAt: timestamp,
  method: z.string(),
  target: z.string().describe('Path and query. Secrets in the query are masked.'),
  httpVersion: z.enum(['1.0', '1.1', '2']).describe('HTTP version that the visitor uses.'),
  upgrade: z
    .string()
    .nullable()
    .describe('Protocol that the visitor asks to switch to, such as `websocket`.'),
  visitor: z.strictObject({
    address: z.string(),
    kind: z.enum(VISITOR_KINDS).describe('How the visitor was let in; `anyone`: the preview is public.'),
    id: z
      .string()
      .nullable()
      .describe('ID of the person (`member`, `replay`) or API key, if known; otherwise null.'),
  }),
  replayOf: z.string().nullable().describe('ID of the exchange that a `replay` repeats, if it repeats one.'),
  request: exchangeHead.describe('Request head as the visitor sent it.'),
  response: exchangeHead
    .nullable()
    .describe('Response head as the service sent it; null: there was none, or not yet.'),
  notes: z
    .array(responseNote)
    .describe(
      'Faults of the service in a response that was delivered nevertheless; its connection was not reused.',
    ),
  changes: z
    .array(fieldChange)
    .describe(
      'Fields that were passed on with another value, or left out: Host, Origin and Referer of the request as ' +
        '`ingress.addressedAs` demands, URLs of the target in the response, and cookies that the preview cannot have.',
    ),
  status: z
    .int()
    .nullable()
    .describe("Status of the service's response, or of the response that Culvert sent instead."),
  error: z
    .string()
    .nullable()
    .describe(
      'Why the exchange failed, as in `X-Culvert-Error`; `cancelled`: the visitor closed the connection.',
    ),
  timings: z
    .strictObject({
      gateMs: milliseconds,
      waitMs: milliseconds.describe('Time spent waiting for a traffic manager, or for room on its tunnel.'),
      connectMs: milliseconds.describe(
        'Time until the ingress was connected; 0 on a connection that was already open.',
      ),
      firstByteMs: milliseconds.describe('Time from then until the head of the response.'),
      bodyMs: milliseconds.describe('Time from then until the end of the response.'),
    })
    .describe('Durations of consecutive steps; null: the step was not reached.'),
  bytesIn: z.int().describe('Bytes sent to the service, including heads.'),
  bytesOut: z.int().describe('Bytes received from the service, including heads.'),
  messages: messageSummary
    .optional()
    .describe(
      'Messages of a WebSocket, a gRPC call or a stream of events so far; absent for other exchanges.',
    ),
});
export type Exchange = z.output<typeof exchange>;

export const capturedBody = z.strictObject({
  base64: z.string(),
  bytes: z.int().describe('Bytes of the whole body that have arrived.'),
  isTruncated: z.boolean(),
  contentType: z.string().nullable(),
  contentEncoding: z.string().nullable().describe('Content coding of the captured bytes.'),
  isMasked: z
    .boolean()
    .optional()
    .describe(
      'Whether values in it were replaced by `***`, as the policy of the team demands. Only of kept exchanges.',
    ),
});
export type CapturedBody = z.output<typeof capturedBody>;

/** Data of the event `message`: one message within an exchange. Nothing in it is masked. */
export const exchangeMessage = z.strictObject({
  exchangeId: z.string(),
  seq: z.int().describe('Position among the messages of the exchange, both directions together, from 0.'),
  at: timestamp.describe('Time when the end of the message passed.'),
  direction: z
    .enum(['request', 'response'])
    .describe('`request`: from the visitor to the service; `response`: the other way.'),
  kind: z
    .enum(MESSAGE_KINDS)
    .describe(
      '`trailers`: the end of a gRPC call; `event`: of a stream of events; `grpc`: a message of a call.',
    ),
  bytes: z.int().describe('Length as it was sent, compressed or not. Fragments are joined.'),
  isCompressed: z.boolean(),
  code: z.int().nullable().describe('Close code of a WebSocket, or status of a gRPC call; otherwise null.'),
  text: z
    .string()
    .nullable()
    .describe(
      'Content as text, decompressed; for `grpc` the fields of the message by their numbers. Null if it is not text.',
    ),
  base64: z
    .string()
    .nullable()
    .describe('Content that is not text, decompressed; null if it is text or cannot be decompressed.'),
  isTruncated: z.boolean().describe('Whether the content is only its beginning, or missing.'),
});
export type ExchangeMessage = z.output<typeof exchangeMessage>;

/**
 * Data of the event `bodies`: the bodies and messages of an exchange that has ended. Nothing in them is masked while they
 * are live.
 */
export const exchangeBodies = z.strictObject({
  id: z.string().describe('ID of the exchange.'),
  request: capturedBody.nullable(),
  response: capturedBody.nullable(),
  messages: z
    .array(exchangeMessage)
    .optional()
    .describe('The newest messages of the exchange, up to 200; absent if there are none.'),
});
export type ExchangeBodies = z.output<typeof exchangeBodies>;

/** Data of the event `omitted`. */
export const omittedExchanges = z.strictObject({
  count: z
    .int()
    .describe(
      'Number of exchanges left out since the last event of this kind because there were too many at once.',
    ),
});
export type OmittedExchanges = z.output<typeof omittedExchanges>;

/** Data of the event `messages_omitted`. */
export const omittedMessages = z.strictObject({
  count: z
    .int()
    .describe(
      'Number of messages left out since the last event of this kind because there were too many at once.',
    ),
});
export type OmittedMessages = z.output<typeof omittedMessages>;
