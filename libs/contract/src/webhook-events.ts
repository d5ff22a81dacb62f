/**
 * Schemas of the events that webhooks receive, version 1. Receivers must ignore fields that they do not know: fields may be
 * added within a version.
 */
import { PREVIEW_END_REASONS, type WebhookEvent, WEBHOOK_TEST } from '@culvert/terms';
import { z } from 'zod';
import { id, timestamp } from './text.js';

const actor = z
  .object({
    kind: z.enum(['api-key', 'user', 'workload-identity', 'system']),
    id: z.string().nullable(),
    name: z.string().nullable(),
  })
  .describe('Who made the change; `system`: Culvert itself.');

const preview = { previewId: id, hostname: z.string() };

const session = {
  trafficManagerId: id,
  managerId: z.string().describe('ID that the traffic manager gives itself.'),
  name: z.string(),
  clusterId: z.string().describe('ID of the cluster; empty if it is not known.'),
  sessionId: id,
};

/** `data` of each type of event. */
const DATA = {
  'preview.created': z.object({ ...preview, actor }),
  'preview.changed': z.object({
    ...preview,
    changed: z.array(z.string()).describe('Changed fields.'),
    actor,
  }),
  'preview.expiring': z.object({ ...preview, expiresAt: timestamp }),
  'preview.ended': z.object({
    previewId: id.nullable().describe('Null: it ended with its intercept or traffic manager.'),
    hostname: z.string(),
    reason: z.enum(PREVIEW_END_REASONS),
    actor,
  }),
  'traffic-manager.up': z.object(session),
  'traffic-manager.down': z.object({
    ...session,
    reason: z
      .string()
      .describe('`not_resumed`: its grace period ended; `session_ended`: it left, or a person ended it.'),
  }),
  'api-key.expiring': z.object({ apiKeyId: id, name: z.string(), expiresAt: timestamp }),
  'member.joined': z.object({
    userId: id,
    name: z.string().nullable().describe('Address or name of the member.'),
    role: z.string().nullable(),
    actor,
  }),
  [WEBHOOK_TEST]: z.object({ webhookId: id, name: z.string() }),
} as const satisfies Record<WebhookEvent | typeof WEBHOOK_TEST, z.ZodObject>;

function eventOf<Type extends keyof typeof DATA>(type: Type) {
  return z.object({
    type: z.literal(type),
    version: z.literal(1),
    timestamp: timestamp.describe('Time of the change.'),
    teamId: id,
    data: DATA[type],
  });
}

/** An event as webhooks of the format `standard` receive it. */
export const webhookEvent = z.discriminatedUnion('type', [
  eventOf('preview.created'),
  eventOf('preview.changed'),
  eventOf('preview.expiring'),
  eventOf('preview.ended'),
  eventOf('traffic-manager.up'),
  eventOf('traffic-manager.down'),
  eventOf('api-key.expiring'),
  eventOf('member.joined'),
  eventOf(WEBHOOK_TEST),
]);
export type WebhookEventBody = z.output<typeof webhookEvent>;
