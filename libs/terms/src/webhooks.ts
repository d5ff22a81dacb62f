/** Types of events that a webhook can subscribe to. */
export const WEBHOOK_EVENTS = [
  'preview.created',
  'preview.changed',
  'preview.expiring',
  'preview.ended',
  'traffic-manager.up',
  'traffic-manager.down',
  'api-key.expiring',
  'member.joined',
] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** Type of the event that a test sends, whatever the webhook subscribes to. */
export const WEBHOOK_TEST = 'webhook.test';

/** Forms of deliveries: `standard` is a signed event, `slack` a message for an incoming webhook of Slack. */
export const WEBHOOK_FORMATS = ['standard', 'slack'] as const;
export type WebhookFormat = (typeof WEBHOOK_FORMATS)[number];

export const WEBHOOK_STATES = ['enabled', 'disabled'] as const;
export type WebhookState = (typeof WEBHOOK_STATES)[number];

/** Why Culvert disabled a webhook: it failed for days, or its server answered 410 (Gone). */
export const WEBHOOK_DISABLED_REASONS = ['failing', 'gone'] as const;
export type WebhookDisabledReason = (typeof WEBHOOK_DISABLED_REASONS)[number];

export const WEBHOOK_DELIVERY_STATES = ['pending', 'delivered', 'failed'] as const;
export type WebhookDeliveryState = (typeof WEBHOOK_DELIVERY_STATES)[number];

/** Why a preview ended. */
export const PREVIEW_END_REASONS = [
  'removed',
  'expired',
  'unused',
  'session_ended',
  'intercept_removed',
  'traffic_manager_removed',
] as const;
export type PreviewEndReason = (typeof PREVIEW_END_REASONS)[number];
