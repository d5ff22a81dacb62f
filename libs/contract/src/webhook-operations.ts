import { pageQuery } from './page.js';
import * as webhooks from './webhooks.js';

const TAG = 'Webhooks';

/** The operations for webhooks, as `OPERATIONS` lists them. */
export const WEBHOOK_OPERATIONS = [
  {
    id: 'createWebhook',
    tag: TAG,
    summary: 'Create a webhook',
    description: 'A team can have ten. Only this response contains the secret that verifies signatures.',
    access: 'team:write',
    body: {
      schema: webhooks.createWebhookRequest,
      example: { name: 'Chat', url: 'https://hooks.example.com/culvert', events: ['preview.created'] },
    },
    status: 201,
    response: webhooks.createdWebhookResource,
    errors: ['team_limit_reached'],
  },
  {
    id: 'listWebhooks',
    tag: TAG,
    summary: 'List webhooks',
    access: 'team:write',
    query: pageQuery,
    status: 200,
    response: webhooks.webhookPage,
  },
  {
    id: 'getWebhook',
    tag: TAG,
    summary: 'Show a webhook',
    access: 'team:write',
    status: 200,
    response: webhooks.webhookResource,
  },
  {
    id: 'updateWebhook',
    tag: TAG,
    summary: 'Change, enable or disable a webhook',
    access: 'team:write',
    body: {
      schema: webhooks.updateWebhookRequest,
      example: { events: ['preview.created', 'preview.ended'] },
    },
    status: 200,
    response: webhooks.webhookResource,
  },
  {
    id: 'deleteWebhook',
    tag: TAG,
    summary: 'Delete a webhook and its deliveries',
    access: 'team:write',
    status: 204,
  },
  {
    id: 'testWebhook',
    tag: TAG,
    summary: 'Send a test event to a webhook',
    description: 'The event webhook.test is sent within seconds. The delivery shows whether it arrived.',
    access: 'team:write',
    status: 201,
    response: webhooks.webhookDeliveryResource,
    errors: ['webhook_disabled'],
  },
  {
    id: 'listWebhookDeliveries',
    tag: TAG,
    summary: 'List the deliveries of a webhook',
    description: 'Deliveries are kept for seven days.',
    access: 'team:write',
    query: pageQuery,
    status: 200,
    response: webhooks.webhookDeliveryPage,
  },
  {
    id: 'getWebhookDelivery',
    tag: TAG,
    summary: 'Show a delivery of a webhook with its event and attempts',
    access: 'team:write',
    status: 200,
    response: webhooks.webhookDeliveryDetails,
  },
  {
    id: 'redeliverWebhook',
    tag: TAG,
    summary: 'Send the event of a delivery again',
    description:
      'The event keeps its webhook-id, so that a receiver recognizes an event that it has already handled.',
    access: 'team:write',
    status: 200,
    response: webhooks.webhookDeliveryResource,
    errors: ['webhook_disabled'],
  },
] as const;
