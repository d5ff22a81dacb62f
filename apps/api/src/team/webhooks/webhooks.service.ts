import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import {
  ProblemError,
  type CreatedWebhookResource,
  type CreateWebhookRequest,
  type PageQuery,
  type UpdateWebhookRequest,
  type WebhookDeliveryDetails,
  type WebhookDeliveryResource,
  type WebhookResource,
} from '@culvert/contract';
import type { Page, Store, Webhook, WebhookDelivery } from '@culvert/domain';
import { SETTINGS, STORE } from '@culvert/nest';
import { AllowedNetworks } from '@culvert/outbound';
import type { Settings } from '@culvert/runtime';
import { Announcer } from '../../announcements/announcer.js';
import type { Caller } from '../../http/auth/caller.js';
import { AuditLog } from '../audit-events/audit-log.js';
import { MAX_WEBHOOKS, throwRefusal } from '../team-limits.js';
import { WebhookDeliveries } from './webhook-deliveries.js';

/** Length of a secret, which the Standard Webhooks scheme requires to be 24 to 64 bytes. */
const SECRET_BYTES = 32;

@Injectable()
export class WebhooksService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly networks: AllowedNetworks,
    private readonly audit: AuditLog,
    private readonly announcer: Announcer,
    private readonly deliveries: WebhookDeliveries,
  ) {}

  async create(caller: Caller, request: CreateWebhookRequest): Promise<CreatedWebhookResource> {
    await this.refuseUrl(request.url);
    const secret = `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
    const webhook = await this.store.webhooks
      .create(caller.teamId, { ...request, secret }, { by: caller.authority, max: MAX_WEBHOOKS })
      .catch(throwRefusal);
    await this.audit.record(caller, 'webhook.create', webhook, { after: audited(webhook) });
    return { ...toResource(webhook), secret };
  }

  async list({ teamId }: Caller, query: PageQuery): Promise<Page<WebhookResource>> {
    const page = await this.store.webhooks.list(teamId, query);
    return { ...page, items: page.items.map(toResource) };
  }

  async show(caller: Caller, id: string): Promise<WebhookResource> {
    return toResource(await this.find(caller, id));
  }

  async update(caller: Caller, id: string, change: UpdateWebhookRequest): Promise<WebhookResource> {
    const before = await this.find(caller, id);
    if (change.url !== undefined) await this.refuseUrl(change.url);
    const after = await this.store.webhooks.update(caller.teamId, id, change);
    if (after === null) throw notFound(id);
    await this.audit.recordChange(caller, 'webhook.update', after, {
      before,
      after,
      fields: ['name', 'url', 'events', 'state'],
      show: audited,
    });
    return toResource(after);
  }

  async remove(caller: Caller, id: string): Promise<void> {
    const webhook = await this.find(caller, id);
    if (!(await this.store.webhooks.remove(caller.teamId, id))) throw notFound(id);
    await this.audit.record(caller, 'webhook.delete', webhook, { before: audited(webhook) });
  }

  async test(caller: Caller, id: string): Promise<WebhookDeliveryResource> {
    await this.find(caller, id);
    const delivery = await this.store.webhooks.test(caller.teamId, id, new Date());
    return this.due(delivery, id);
  }

  async listDeliveries(caller: Caller, id: string, query: PageQuery): Promise<Page<WebhookDeliveryResource>> {
    await this.find(caller, id);
    const page = await this.store.webhooks.listDeliveries(caller.teamId, id, query);
    return { ...page, items: page.items.map(toDelivery) };
  }

  async showDelivery(caller: Caller, id: string, deliveryId: string): Promise<WebhookDeliveryDetails> {
    const { delivery, attempts } = await this.findDelivery(caller, id, deliveryId);
    return {
      ...toDelivery(delivery),
      event: JSON.parse(delivery.payload) as Record<string, unknown>,
      attempts: attempts.map((attempt) => ({ ...attempt, at: attempt.at.toISOString() })),
    };
  }

  async redeliver(caller: Caller, id: string, deliveryId: string): Promise<WebhookDeliveryResource> {
    await this.findDelivery(caller, id, deliveryId);
    const delivery = await this.store.webhooks.redeliver(caller.teamId, id, deliveryId, new Date());
    return this.due(delivery, id);
  }

  /** Sends a delivery soon; null: the webhook is disabled. */
  private due(delivery: WebhookDelivery | null, id: string): WebhookDeliveryResource {
    if (delivery === null) throw new ProblemError('webhook_disabled');
    this.announcer.changed({ teamId: delivery.teamId, resource: 'webhook', id, change: 'updated' });
    this.deliveries.lookSoon();
    return toDelivery(delivery);
  }

  private async find({ teamId }: Caller, id: string): Promise<Webhook> {
    const webhook = await this.store.webhooks.find(teamId, id);
    if (webhook === null) throw notFound(id);
    return webhook;
  }

  private async findDelivery(caller: Caller, id: string, deliveryId: string) {
    await this.find(caller, id);
    const found = await this.store.webhooks.findDelivery(caller.teamId, id, deliveryId);
    if (found === null)
      throw new ProblemError('not_found', { detail: `delivery ${deliveryId} does not exist` });
    return found;
  }

  private async refuseUrl(text: string): Promise<void> {
    const url = new URL(text);
    const { allowHttp } = this.settings.webhooks;
    if (url.protocol === 'http:' && !allowHttp) throw urlProblem('must be an https URL');
    if (await this.networks.refuses(url))
      throw urlProblem('must not lead to a private address, unless the operator allows its network');
  }
}

function urlProblem(message: string): ProblemError {
  return new ProblemError('validation_failed', { errors: [{ pointer: '/url', message }] });
}

function notFound(id: string): ProblemError {
  return new ProblemError('not_found', { detail: `webhook ${id} does not exist` });
}

/** Returns what the audit log keeps. The path of a URL may be a secret, so only its origin is kept. */
function audited({ name, url, format, events, state }: Webhook) {
  return { name, url: new URL(url).origin, format, events, state };
}

function toResource({
  teamId: _teamId,
  events,
  failingSince,
  createdAt,
  ...webhook
}: Webhook): WebhookResource {
  return {
    ...webhook,
    events: [...events],
    failingSince: failingSince?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
  };
}

function toDelivery(delivery: WebhookDelivery): WebhookDeliveryResource {
  const { id, webhookId, type, state, attemptCount, nextAttemptAt, createdAt } = delivery;
  return {
    id,
    webhookId,
    type,
    state,
    attemptCount,
    nextAttemptAt: state === 'pending' ? nextAttemptAt.toISOString() : null,
    createdAt: createdAt.toISOString(),
  };
}
