import { createTestDatabase } from '@culvert/testkit';
import {
  MAX_PENDING_DELIVERIES,
  resultOf,
  SYSTEM,
  WEBHOOK_EVENTS,
  type Authority,
  type ClaimedDelivery,
  type WebhookDelivery,
  type WebhookDraft,
} from '@culvert/domain';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  apiKeyDraft,
  createMember,
  createPreview,
  createTenant,
  describeOnEveryDatabase,
  registration,
  type Tenant,
} from './spec/databases.js';

const LEASE_MS = 60_000;
const DAY_MS = 24 * 60 * 60 * 1000;
const PAGE = { limit: 50 };

describeOnEveryDatabase('webhooks', createTestDatabase, (context) => {
  let tenant: Tenant;
  let by: Authority;
  let now: Date;

  beforeEach(async () => {
    tenant = await createTenant(context.store);
    ({ by } = await createMember(context.store, tenant.team.id, 'admin'));
    // Later than every event that a test adds, however slow it is.
    now = new Date(Date.now() + 60_000);
  });

  const later = (ms: number): Date => new Date(now.getTime() + ms);
  const make = (change: Partial<WebhookDraft> = {}, of = tenant, as = by) =>
    context.store.webhooks.create(
      of.team.id,
      {
        name: 'Chat',
        url: 'https://hooks.test/',
        format: 'standard',
        events: WEBHOOK_EVENTS,
        secret: 'whsec_c2VjcmV0',
        ...change,
      },
      { by: as, max: 10 },
    );
  const record = (targetId: string, of = tenant) =>
    context.store.auditEvents.append({
      teamId: of.team.id,
      actor: SYSTEM,
      action: 'preview.create',
      targetId,
      targetName: `${targetId}.test`,
      before: null,
      after: null,
    });
  const deliveriesOf = async (webhookId: string): Promise<WebhookDelivery[]> =>
    (await context.store.webhooks.listDeliveries(tenant.team.id, webhookId, PAGE)).items;
  /** Claims what is due, for webhooks of this tenant. Other tests leave their deliveries behind. */
  const claim = async (at = now, limit = 100): Promise<ClaimedDelivery[]> => {
    const limits = { now: at, leaseMs: LEASE_MS, limit, maxPerTeam: 10, busyTeamIds: [] };
    const claimed = await context.store.webhooks.claim(limits);
    return claimed.filter(({ webhook }) => webhook.teamId === tenant.team.id);
  };
  const finish = (claimed: ClaimedDelivery, status: number, at = now) => {
    const error = status < 300 ? null : `the server answered ${status}`;
    const attempt = { at, durationMs: 3, status, error, responseBody: 'ok' };
    return context.store.webhooks.record(claimed, resultOf(claimed, attempt, at, 0));
  };

  describe('an event', () => {
    it('is added for each enabled webhook of the team that subscribes to it', async () => {
      const [all, some, none, off] = [
        await make(),
        await make({ events: ['preview.created'] }),
        await make({ events: ['member.joined'] }),
        await make(),
      ];
      await context.store.webhooks.update(tenant.team.id, off.id, { state: 'disabled' });
      const other = await createTenant(context.store);
      const stranger = await createMember(context.store, other.team.id, 'admin');
      const theirs = await make({}, other, stranger.by);
      await record('p1');
      for (const { id } of [all, some]) {
        const [delivery, ...more] = await deliveriesOf(id);
        expect(more).toEqual([]);
        expect(JSON.parse(delivery?.payload ?? '')).toMatchObject({
          type: 'preview.created',
          version: 1,
          teamId: tenant.team.id,
          data: { previewId: 'p1', hostname: 'p1.test', actor: { kind: 'system' } },
        });
      }
      for (const { id } of [none, off]) expect(await deliveriesOf(id)).toEqual([]);
      expect((await context.store.webhooks.listDeliveries(other.team.id, theirs.id, PAGE)).items).toEqual([]);
    });

    it('is added when the session of a traffic manager begins and ends, and not when it resumes', async () => {
      const webhook = await make();
      const { sessions } = context.store;
      const { session } = await sessions.register(tenant.team.id, registration(tenant));
      await sessions.register(tenant.team.id, registration(tenant));
      await sessions.end(tenant.team.id, session.id, 'the traffic manager left', new Date());
      const events = (await deliveriesOf(webhook.id)).map(
        ({ payload }) => JSON.parse(payload) as { type: string; data: object },
      );
      expect(events.map(({ type }) => type).toSorted()).toEqual([
        'traffic-manager.down',
        'traffic-manager.up',
      ]);
      for (const { data } of events)
        expect(data).toMatchObject({ managerId: tenant.manager.managerId, sessionId: session.id });
    });

    it('is added once for a preview and a key that expire soon, and again when the time of expiry changes', async () => {
      const webhook = await make();
      await make();
      const preview = await createPreview(context.store, tenant, { expiresAt: later(60_000) });
      await createPreview(context.store, tenant, { expiresAt: later(DAY_MS) });
      await context.store.apiKeys.create(tenant.team.id, apiKeyDraft({ expiresAt: later(DAY_MS) }));
      const notices = { previewsMs: 3_600_000, apiKeysMs: 3 * DAY_MS };
      const types = async () => (await deliveriesOf(webhook.id)).map(({ type }) => type).toSorted();
      await Promise.all([1, 2].map(() => context.store.webhooks.addExpiring(now, notices)));
      await context.store.webhooks.addExpiring(later(1000), notices);
      expect(await types()).toEqual(['api-key.expiring', 'preview.expiring']);
      await context.store.previews.update(tenant.team.id, preview.id, { expiresAt: later(120_000) });
      await context.store.webhooks.addExpiring(later(2000), notices);
      expect(await types()).toEqual(['api-key.expiring', 'preview.expiring', 'preview.expiring']);
    });

    it('drops the oldest one, and counts it, when too many wait', async () => {
      const webhook = await make();
      await context.pool.query(
        `INSERT INTO webhook_delivery (id, team_id, webhook_id, type, payload, state, attempt_count, next_attempt_at, created_at)
         SELECT gen_random_uuid(), '${tenant.team.id}', '${webhook.id}', 'preview.created', i::text, 'pending', 0, now() AT TIME ZONE 'UTC',
           now() AT TIME ZONE 'UTC' - i * interval '1 second' FROM generate_series(1, ${MAX_PENDING_DELIVERIES}) i`,
      );
      await record('new');
      expect(await context.store.webhooks.find(tenant.team.id, webhook.id)).toMatchObject({
        droppedCount: 1,
      });
      const { rows } = await context.pool.query(
        `SELECT count(*)::integer AS count, max(CASE WHEN payload ~ '^[0-9]+$' THEN payload::integer END) AS oldest
         FROM webhook_delivery WHERE webhook_id = '${webhook.id}'`,
      );
      expect(rows).toEqual([{ count: MAX_PENDING_DELIVERIES, oldest: MAX_PENDING_DELIVERIES - 1 }]);
      await context.store.webhooks.remove(tenant.team.id, webhook.id);
    });
  });

  describe('claiming', () => {
    it('gives a webhook to one of several processes, and again when that one does not report in time', async () => {
      await make();
      await record('p1');
      const claims = await Promise.all([1, 2, 3].map(() => claim()));
      expect(claims.flat()).toHaveLength(1);
      expect(await claim(later(LEASE_MS - 1))).toEqual([]);
      const [again] = await claim(later(LEASE_MS));
      expect(again?.delivery).toMatchObject({ attemptCount: 0 });
      expect(again?.webhook.secret).toBe('whsec_c2VjcmV0');
    });

    it('never gives the same delivery twice to processes that finish and claim at the same time', async () => {
      await make();
      for (let i = 0; i < 20; i++) await record(`p${i}`);
      const seen: string[] = [];
      const work = async (): Promise<void> => {
        for (let idle = 0; idle < 5;) {
          const [claimed] = await claim();
          if (claimed === undefined) idle++;
          else {
            seen.push(claimed.delivery.id);
            await finish(claimed, 200);
          }
        }
      };
      await Promise.all([work(), work(), work(), work()]);
      expect(seen).toHaveLength(20);
      expect(new Set(seen).size).toBe(20);
    });

    it('lets webhooks take turns, and skips teams that are busy', async () => {
      const webhooks = [await make(), await make()];
      for (let i = 0; i < 2; i++) await record(`p${i}`);
      const turns: string[] = [];
      for (let i = 0; i < 4; i++) {
        const [claimed] = await claim(later(i), 100);
        turns.push(claimed.webhook.id);
        await finish(claimed, 200, later(i));
        // The other one was leased as well.
        await context.pool.query('UPDATE webhook SET leased_until = $1', [new Date(0)]);
      }
      expect(turns.toSorted()).toEqual(webhooks.flatMap(({ id }) => [id, id]).toSorted());
      await record('p3');
      const busy = { now, leaseMs: LEASE_MS, limit: 100, maxPerTeam: 10, busyTeamIds: [tenant.team.id] };
      const others = await context.store.webhooks.claim(busy);
      expect(others.filter(({ webhook }) => webhook.teamId === tenant.team.id)).toEqual([]);
    });
  });

  describe('an attempt', () => {
    it('is kept with its delivery, which is due again after a failure', async () => {
      const { id } = await make();
      await record('p1');
      const [claimed] = await claim();
      await finish(claimed, 500);
      expect(await claim(later(4999))).toEqual([]);
      const [again] = await claim(later(5000));
      expect(again).toMatchObject({ delivery: { attemptCount: 1 }, webhook: { failingSince: now } });
      await finish(again, 200, later(5000));
      const found = await context.store.webhooks.findDelivery(tenant.team.id, id, again.delivery.id);
      expect(found).toMatchObject({
        delivery: { state: 'delivered', attemptCount: 2 },
        attempts: [
          { status: 200, error: null, responseBody: 'ok' },
          { status: 500, error: 'the server answered 500' },
        ],
      });
      expect(await context.store.webhooks.find(tenant.team.id, id)).toMatchObject({ failingSince: null });
      expect(await claim(later(DAY_MS))).toEqual([]);
    });

    it('disables a webhook that is gone, and gives up what is pending', async () => {
      const { id } = await make();
      for (const each of ['p1', 'p2']) await record(each);
      const [claimed] = await claim();
      await finish(claimed, 410);
      expect(await context.store.webhooks.find(tenant.team.id, id)).toMatchObject({
        state: 'disabled',
        disabledReason: 'gone',
      });
      expect((await deliveriesOf(id)).map(({ state }) => state)).toEqual(['failed', 'failed']);
      expect(await context.store.webhooks.test(tenant.team.id, id, now)).toBeNull();
      expect(await context.store.webhooks.redeliver(tenant.team.id, id, claimed.delivery.id, now)).toBeNull();
      await context.store.webhooks.update(tenant.team.id, id, { state: 'enabled' });
      await context.store.webhooks.redeliver(tenant.team.id, id, claimed.delivery.id, now);
      expect(await claim()).toMatchObject([{ delivery: { id: claimed.delivery.id, attemptCount: 0 } }]);
    });

    it('at a delivery that was removed meanwhile changes nothing', async () => {
      const { id } = await make();
      await record('p1');
      const [claimed] = await claim();
      await context.store.webhooks.remove(tenant.team.id, id);
      await finish(claimed, 200);
      expect(await context.store.webhooks.find(tenant.team.id, id)).toBeNull();
    });
  });

  it('belong to their team, and there are at most as many as the limit', async () => {
    const { id } = await make();
    await record('p1');
    const [delivery] = await deliveriesOf(id);
    const { team } = await createTenant(context.store);
    const { webhooks } = context.store;
    expect(await webhooks.find(team.id, id)).toBeNull();
    expect(await webhooks.update(team.id, id, { name: 'Stolen' })).toBeNull();
    expect(await webhooks.remove(team.id, id)).toBe(false);
    expect(await webhooks.test(team.id, id, now)).toBeNull();
    expect((await webhooks.listDeliveries(team.id, id, PAGE)).items).toEqual([]);
    expect(await webhooks.findDelivery(team.id, id, delivery.id)).toBeNull();
    expect(await webhooks.redeliver(team.id, id, delivery.id, now)).toBeNull();
    for (let i = 1; i < 10; i++) await make();
    await expect(make()).rejects.toMatchObject({ code: 'TEAM_LIMIT', max: 10 });
  });

  it('lose deliveries that are too old', async () => {
    const { id } = await make();
    await record('p1');
    const [delivery] = await deliveriesOf(id);
    await context.store.webhooks.removeDeliveriesBefore(delivery.createdAt, 1000);
    expect(await deliveriesOf(id)).toHaveLength(1);
    await context.store.webhooks.removeDeliveriesBefore(later(1000), 1000);
    expect(await deliveriesOf(id)).toEqual([]);
  });
});
