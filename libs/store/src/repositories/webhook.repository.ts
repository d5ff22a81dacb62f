import {
  WEBHOOK_EVENTS,
  WEBHOOK_TEST,
  webhookPayload,
  type AttemptResult,
  type ClaimedDelivery,
  type Making,
  type Page,
  type PageRequest,
  type Webhook,
  type WebhookAttempt,
  type WebhookChange,
  type WebhookClaim,
  type WebhookDelivery,
  type WebhookDisabledReason,
  type WebhookDraft,
  type WebhookEvent,
  type WebhookRepository,
} from '@culvert/domain';
import type { Client } from '../client.js';
import type { WebhookModel } from '../generated/models.js';
import { isUuid, newId } from '../ids.js';
import { emptyPage, pageQuery, toPage } from '../page.js';
import { refuseBeyond } from './lock-team.js';
import { lockTeamAs } from './standing.js';
import { addExpiring } from './webhook-expiring.js';

/** Attempts of one delivery that are shown. */
const MAX_SHOWN_ATTEMPTS = 50;
/** A time at which no lease lasts. */
const NEVER = new Date(0);

const withoutSecret = { secret: true } as const;
const withoutKey = { dedupeKey: true } as const;
const withoutDelivery = { teamId: true, deliveryId: true } as const;

export class PrismaWebhookRepository implements WebhookRepository {
  constructor(private readonly client: Client) {}

  async create(teamId: string, draft: WebhookDraft, { by, max }: Making): Promise<Webhook> {
    return this.client.$transaction(async (tx) => {
      await lockTeamAs(tx, teamId, by, ['team:write']);
      await refuseBeyond('webhooks', max, () => tx.webhook.count({ where: { teamId } }));
      const at = new Date();
      const times = { leasedUntil: NEVER, turnAt: at, createdAt: at };
      const row = await tx.webhook.create({
        data: { ...draft, events: [...draft.events], id: newId(), teamId, state: 'enabled', ...times },
        omit: withoutSecret,
      });
      return toWebhook(row);
    });
  }

  async find(teamId: string, id: string): Promise<Webhook | null> {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    const row = await this.client.webhook.findUnique({ where: { id, teamId }, omit: withoutSecret });
    return row && toWebhook(row);
  }

  async list(teamId: string, page: PageRequest): Promise<Page<Webhook>> {
    const { where, ...order } = pageQuery('createdAt', page);
    if (!isUuid(teamId)) return emptyPage();
    const rows = await this.client.webhook.findMany({
      where: { teamId, ...where },
      omit: withoutSecret,
      ...order,
    });
    return toPage(rows, page, (row) => row.createdAt, toWebhook);
  }

  async update(teamId: string, id: string, { events, ...change }: WebhookChange): Promise<Webhook | null> {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    return this.client.$transaction(async (tx) => {
      const [row] = await tx.webhook.updateManyAndReturn({
        where: { teamId, id },
        data: {
          ...change,
          ...(events && { events: [...events] }),
          ...(change.state && { disabledReason: null, failingSince: null }),
        },
        omit: withoutSecret,
      });
      if (change.state === 'disabled')
        await tx.webhookDelivery.updateMany({
          where: { teamId, webhookId: id, state: 'pending' },
          data: { state: 'failed' },
        });
      return row ? toWebhook(row) : null;
    });
  }

  async remove(teamId: string, id: string): Promise<boolean> {
    if (!isUuid(teamId) || !isUuid(id)) return false;
    const { count } = await this.client.webhook.deleteMany({ where: { teamId, id } });
    return count > 0;
  }

  async test(teamId: string, id: string, at: Date): Promise<WebhookDelivery | null> {
    return this.client.$transaction(async (tx) => {
      const webhook = isUuid(id)
        ? await tx.webhook.findUnique({ where: { id, teamId, state: 'enabled' }, select: { name: true } })
        : null;
      if (webhook === null) return null;
      const data = { webhookId: id, name: webhook.name };
      const payload = webhookPayload({ teamId, type: WEBHOOK_TEST, data }, at);
      const due = { state: 'pending', attemptCount: 0, nextAttemptAt: at } as const;
      return tx.webhookDelivery.create({
        data: { id: newId(), teamId, webhookId: id, type: WEBHOOK_TEST, payload, ...due, createdAt: at },
        omit: withoutKey,
      });
    });
  }

  async listDeliveries(teamId: string, webhookId: string, page: PageRequest): Promise<Page<WebhookDelivery>> {
    const { where, ...order } = pageQuery('createdAt', page);
    if (!isUuid(teamId) || !isUuid(webhookId)) return emptyPage();
    const rows = await this.client.webhookDelivery.findMany({
      where: { teamId, webhookId, ...where },
      omit: withoutKey,
      ...order,
    });
    return toPage(
      rows,
      page,
      (row) => row.createdAt,
      (row) => row,
    );
  }

  async findDelivery(teamId: string, webhookId: string, id: string) {
    if (!isUuid(teamId) || !isUuid(webhookId) || !isUuid(id)) return null;
    const found = await this.client.webhookDelivery.findUnique({
      where: { id, teamId, webhookId },
      omit: withoutKey,
      include: {
        attempts: {
          orderBy: [{ at: 'desc' }, { id: 'desc' }],
          take: MAX_SHOWN_ATTEMPTS,
          omit: withoutDelivery,
        },
      },
    });
    if (found === null) return null;
    const { attempts, ...delivery } = found;
    return { delivery, attempts: attempts satisfies WebhookAttempt[] };
  }

  async redeliver(teamId: string, webhookId: string, id: string, at: Date): Promise<WebhookDelivery | null> {
    if (!isUuid(teamId) || !isUuid(webhookId) || !isUuid(id)) return null;
    const [due] = await this.client.webhookDelivery.updateManyAndReturn({
      where: { teamId, webhookId, id, webhook: { state: 'enabled' } },
      data: { state: 'pending', attemptCount: 0, nextAttemptAt: at },
      omit: withoutKey,
    });
    return due ?? null;
  }

  async claim({ now, leaseMs, limit, maxPerTeam, busyTeamIds }: WebhookClaim): Promise<ClaimedDelivery[]> {
    const leased = await this.client.$queryRaw<{ id: string }[]>`
      UPDATE webhook SET leased_until = ${new Date(now.getTime() + leaseMs)}, turn_at = ${now}
      WHERE id IN (
        SELECT w.id FROM webhook w
        WHERE w.state = 'enabled' AND w.leased_until <= ${now} AND w.id IN (
          SELECT id FROM (
            SELECT c.id, row_number() OVER (PARTITION BY c.team_id ORDER BY c.turn_at, c.id) AS place
            FROM webhook c
            WHERE c.state = 'enabled' AND c.leased_until <= ${now}
              AND NOT c.team_id = ANY(${[...busyTeamIds]}::uuid[])
              AND c.id IN (SELECT d.webhook_id FROM webhook_delivery d
                WHERE d.state = 'pending' AND d.next_attempt_at <= ${now})) candidate
          WHERE place <= ${maxPerTeam})
        ORDER BY w.turn_at, w.id LIMIT ${limit} FOR NO KEY UPDATE SKIP LOCKED)
      RETURNING id`;
    const claimed = await Promise.all(leased.map(({ id }) => this.nextDelivery(id, now)));
    return claimed.filter((each) => each !== null);
  }

  async record(
    { webhook, delivery }: ClaimedDelivery,
    { attempt, state, nextAttemptAt, failingSince, disable }: AttemptResult,
  ): Promise<void> {
    const { teamId, id: deliveryId } = delivery;
    const disabled = disable !== null && { state: 'disabled' as const, disabledReason: disable };
    await this.client.$transaction(async (tx) => {
      const { count } = await tx.webhookDelivery.updateMany({
        where: { teamId, id: deliveryId },
        data: { state, nextAttemptAt, attemptCount: delivery.attemptCount + 1 },
      });
      if (count > 0)
        await tx.webhookAttempt.create({ data: { ...attempt, id: newId(), teamId, deliveryId } });
      if (disable !== null)
        await tx.webhookDelivery.updateMany({
          where: { teamId, webhookId: webhook.id, state: 'pending' },
          data: { state: 'failed' },
        });
      await tx.webhook.updateMany({
        where: { teamId, id: webhook.id },
        data: { leasedUntil: NEVER, failingSince, ...disabled },
      });
    });
  }

  addExpiring(now: Date, before: { readonly previewsMs: number; readonly apiKeysMs: number }) {
    return addExpiring(this.client, now, before);
  }

  async removeDeliveriesBefore(before: Date, max: number): Promise<number> {
    return this.client.$executeRaw`
      DELETE FROM webhook_delivery WHERE id IN (
        SELECT id FROM webhook_delivery WHERE created_at < ${before} LIMIT ${max} FOR UPDATE SKIP LOCKED)`;
  }

  /**
   * Returns the oldest due delivery of a leased webhook, or ends the lease. It is a statement of its own: one that waited for
   * the lease would not see what its former holder has delivered.
   */
  private async nextDelivery(id: string, now: Date): Promise<ClaimedDelivery | null> {
    const row = await this.client.webhook.findUnique({
      where: { id },
      include: {
        deliveries: {
          where: { state: 'pending', nextAttemptAt: { lte: now } },
          orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
          take: 1,
          omit: withoutKey,
        },
      },
    });
    const [delivery] = row?.deliveries ?? [];
    if (row !== null && delivery !== undefined)
      return { webhook: { ...toWebhook(row), secret: row.secret }, delivery };
    await this.client.webhook.updateMany({ where: { id }, data: { leasedUntil: NEVER } });
    return null;
  }
}

function toWebhook({
  id,
  teamId,
  name,
  url,
  format,
  events,
  state,
  disabledReason,
  failingSince,
  droppedCount,
  createdAt,
}: Omit<WebhookModel, 'secret'>): Webhook {
  return {
    id,
    teamId,
    name,
    url,
    format,
    // An unknown type, such as one of a newer version, has no effect here.
    events: WEBHOOK_EVENTS.filter((event: WebhookEvent) => events.includes(event)),
    state,
    disabledReason: disabledReason as WebhookDisabledReason | null,
    failingSince,
    droppedCount,
    createdAt,
  };
}
