import {
  WEBHOOK_DELIVERY_STATES,
  WEBHOOK_DISABLED_REASONS,
  WEBHOOK_EVENTS,
  WEBHOOK_FORMATS,
  WEBHOOK_STATES,
} from '@culvert/terms';
import { z } from 'zod';
import { changeOf, pageOf } from './page.js';
import { id, name as nameText, timestamp } from './text.js';

const name = nameText(128).describe('Name that people see.');

const url = z
  .string()
  .max(2048, 'must be at most 2048 characters long')
  .regex(/^[\x21-\x7e]+$/, 'must consist of visible ASCII characters')
  .refine((text) => isWebUrl(text), 'must be an https URL without a user name, password or fragment')
  .describe(
    'Where events are sent: https, unless the operator allows http. Its host must have a public address, unless ' +
      'the operator allows its network.',
  );

function isWebUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, hash } = new URL(text);
  return /^https?:$/.test(protocol) && username === '' && password === '' && hash === '';
}

const events = z
  .array(z.enum(WEBHOOK_EVENTS))
  .min(1, 'must name at least one event')
  .max(WEBHOOK_EVENTS.length)
  .refine((types) => new Set(types).size === types.length, 'must not name an event twice')
  .describe('Types of events to send.');

const state = z
  .enum(WEBHOOK_STATES)
  .describe('A disabled webhook receives nothing. Disabling it gives up the deliveries that are pending.');

export const createWebhookRequest = z.strictObject({
  name,
  url,
  format: z
    .enum(WEBHOOK_FORMATS)
    .default('standard')
    .describe(
      '`standard`: events in JSON, signed by the Standard Webhooks scheme; `slack`: messages for an incoming webhook ' +
        'of Slack.',
    ),
  events: events.default([...WEBHOOK_EVENTS]),
});
export type CreateWebhookRequest = z.output<typeof createWebhookRequest>;

export const updateWebhookRequest = changeOf(z.strictObject({ name, url, events, state }));
export type UpdateWebhookRequest = z.output<typeof updateWebhookRequest>;

export const webhookResource = z.strictObject({
  id,
  name: z.string(),
  url: z.string().describe('Where events are sent. It may contain a secret of the receiver.'),
  format: z.enum(WEBHOOK_FORMATS),
  events: z.array(z.enum(WEBHOOK_EVENTS)),
  state: z.enum(WEBHOOK_STATES),
  disabledReason: z
    .enum(WEBHOOK_DISABLED_REASONS)
    .nullable()
    .describe(
      'Why Culvert disabled it: it failed for three days, or its server answered 410. Null: it is enabled, or a ' +
        'person disabled it.',
    ),
  failingSince: timestamp
    .nullable()
    .describe('Time of the first failure since the last success; null: the last attempt succeeded.'),
  droppedCount: z
    .int()
    .describe(
      'Events that were dropped because more than 1,000 waited for this webhook, since it was created.',
    ),
  createdAt: timestamp,
});
export type WebhookResource = z.output<typeof webhookResource>;

export const createdWebhookResource = webhookResource.extend({
  secret: z
    .string()
    .describe('Secret that verifies signatures. It is shown only once. Slack does not verify signatures.'),
});
export type CreatedWebhookResource = z.output<typeof createdWebhookResource>;

export const webhookPage = pageOf(webhookResource);

export const webhookDeliveryResource = z.strictObject({
  id: id.describe('The header webhook-id of each attempt. It stays the same when the event is sent again.'),
  webhookId: id,
  type: z.string().describe('Type of the event, or webhook.test.'),
  state: z
    .enum(WEBHOOK_DELIVERY_STATES)
    .describe('`pending`: an attempt is due, or under way; `failed`: all attempts have failed.'),
  attemptCount: z.int().describe('Attempts since the event was added, or last sent again by a person.'),
  nextAttemptAt: timestamp.nullable().describe('Earliest time of the next attempt; null: there is none.'),
  createdAt: timestamp,
});
export type WebhookDeliveryResource = z.output<typeof webhookDeliveryResource>;

export const webhookDeliveryPage = pageOf(webhookDeliveryResource);

const webhookAttempt = z.strictObject({
  id,
  at: timestamp,
  durationMs: z.int(),
  status: z.int().nullable().describe('Status of the response; null: none came.'),
  error: z.string().nullable().describe('Why the attempt failed; null: it succeeded.'),
  responseBody: z.string().describe('Start of the response body, at most 1 KiB.'),
});

export const webhookDeliveryDetails = webhookDeliveryResource.extend({
  event: z.record(z.string(), z.unknown()).describe('The event, as described in docs/webhooks.md.'),
  attempts: z
    .array(webhookAttempt)
    .describe('The last 50 attempts, newest first. They are kept for seven days.'),
});
export type WebhookDeliveryDetails = z.output<typeof webhookDeliveryDetails>;
