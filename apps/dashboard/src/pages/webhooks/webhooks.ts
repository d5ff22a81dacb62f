import { queryOptions } from '@tanstack/react-query';
import { allPages } from '../../api/all-pages.js';
import { answerOf, api, type Schemas } from '../../api/client.js';
import { keyOf } from '../../api/keys.js';
import type { Tone } from '../../components/state-dot.js';
import { texts } from './texts.js';

export type Webhook = Schemas['Webhook'];
export type CreatedWebhook = Schemas['CreatedWebhook'];
export type Delivery = Schemas['WebhookDelivery'];
export type DeliveryDetails = Schemas['WebhookDeliveryDetails'];
export type WebhookEventType = Webhook['events'][number];

/** Query for the webhooks of the team. */
export const webhooks = () =>
  queryOptions({
    queryKey: keyOf('webhook', 'all'),
    queryFn: () => allPages<Webhook>((query) => answerOf(api.GET('/api/v1/webhooks', { params: { query } }))),
  });

/** Query for one webhook and its newest deliveries. */
export const webhookWithDeliveries = (webhookId: string) =>
  queryOptions({
    queryKey: keyOf('webhook', webhookId),
    queryFn: async () => {
      const path = { webhookId };
      const [webhook, deliveries] = await Promise.all([
        answerOf(api.GET('/api/v1/webhooks/{webhookId}', { params: { path } })),
        answerOf(
          api.GET('/api/v1/webhooks/{webhookId}/deliveries', { params: { path, query: { limit: 100 } } }),
        ),
      ]);
      return { webhook, deliveries: deliveries.items };
    },
  });

/** Query for a delivery with its event and attempts. */
export const deliveryDetails = ({ webhookId, id: deliveryId }: Pick<Delivery, 'webhookId' | 'id'>) =>
  queryOptions({
    queryKey: keyOf('webhook', webhookId, 'delivery', deliveryId),
    queryFn: () =>
      answerOf(
        api.GET('/api/v1/webhooks/{webhookId}/deliveries/{deliveryId}', {
          params: { path: { webhookId, deliveryId } },
        }),
      ),
  });

/** Returns the state of a webhook in words, and its tone. */
export function stateOfWebhook(webhook: Webhook): { readonly label: string; readonly tone: Tone } {
  const { state, disabledReason, failingSince } = webhook;
  if (state === 'disabled') {
    if (disabledReason === null) return { label: texts.states.disabled, tone: 'off' };
    return { label: texts.disabledReasons[disabledReason], tone: 'bad' };
  }
  return failingSince === null
    ? { label: texts.states.enabled, tone: 'good' }
    : { label: texts.states.failing, tone: 'waiting' };
}

export const DELIVERY_TONES: Readonly<Record<Delivery['state'], Tone>> = {
  pending: 'waiting',
  delivered: 'good',
  failed: 'bad',
};
