import {
  HostnameTakenError,
  InterceptIdTakenError,
  InvalidCursorError,
  InvalidTextError,
} from '@culvert/domain';
import { createTestDatabase } from '@culvert/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  createPreview,
  createTenant,
  describeOnEveryDatabase,
  interceptDraft,
  interceptId,
  previewDraft,
  registration,
  type Tenant,
} from './spec/databases.js';

const UNKNOWN = '01890000-0000-7000-8000-000000000000';

describeOnEveryDatabase('intercepts and previews', createTestDatabase, (context) => {
  let tenant: Tenant;
  let teamId: string;

  beforeEach(async () => {
    tenant = await createTenant(context.store);
    teamId = tenant.team.id;
  });

  describe('intercepts', () => {
    it('reads back what was created', async () => {
      const { intercepts } = context.store;
      const id = interceptId();
      const draft = interceptDraft(tenant);
      const created = await intercepts.create(teamId, id, draft);
      expect(created).toEqual({
        ...draft,
        id,
        teamId,
        removedPreview: null,
        createdAt: expect.any(Date) as Date,
        updatedAt: expect.any(Date) as Date,
      });
      expect(await intercepts.find(teamId, id)).toEqual(created);
      expect(await intercepts.find(teamId, `${id}x`)).toBeNull();
      expect(await intercepts.find(teamId, 'a\0b')).toBeNull();
      expect(await intercepts.find('x', id)).toBeNull();
    });

    it('accepts an id once per team', async () => {
      const { intercepts } = context.store;
      const id = interceptId();
      await intercepts.create(teamId, id, interceptDraft(tenant));
      await expect(intercepts.create(teamId, id, interceptDraft(tenant))).rejects.toBeInstanceOf(
        InterceptIdTakenError,
      );
      const other = await createTenant(context.store);
      expect(await intercepts.create(other.team.id, id, interceptDraft(other))).not.toBeNull();
    });

    it('creates no intercept without its traffic manager', async () => {
      const { intercepts } = context.store;
      for (const trafficManagerId of [UNKNOWN, 'x']) {
        expect(
          await intercepts.create(teamId, interceptId(), interceptDraft(tenant, { trafficManagerId })),
        ).toBeNull();
      }
    });

    it('changes only the given fields of an intercept', async () => {
      const { intercepts } = context.store;
      const id = interceptId();
      const created = await intercepts.create(teamId, id, interceptDraft(tenant));
      const change = {
        disposition: 'AGENT_ERROR',
        message: 'no agent',
        mechanismArgs: [],
        metadata: {},
      } as const;
      expect(await intercepts.update(teamId, id, change)).toEqual({
        ...created,
        ...change,
        updatedAt: expect.any(Date) as Date,
      });
      expect(await intercepts.update(teamId, 'a\0', change)).toBeNull();
      expect(await intercepts.update(teamId, interceptId(), change)).toBeNull();
    });

    it('removes an intercept with its previews, and returns the hostnames that ended', async () => {
      const { store } = context;
      const first = await createPreview(store, tenant);
      const second = await store.previews.create(teamId, previewDraft({ interceptId: first.interceptId }));
      const kept = await createPreview(store, tenant);
      const hostnames = await store.intercepts.remove(teamId, first.interceptId);
      expect(hostnames?.toSorted()).toEqual([first.hostname, second!.hostname].toSorted());
      expect(await store.previews.find(teamId, first.id)).toBeNull();
      expect(await store.previews.find(teamId, kept.id)).toEqual(kept);
      expect(await store.intercepts.remove(teamId, first.interceptId)).toBeNull();
      expect(await store.intercepts.remove(teamId, 'a\0')).toBeNull();
    });

    it('lists by traffic manager', async () => {
      const { intercepts, trafficManagers } = context.store;
      const elsewhere = await trafficManagers.create(teamId, { ...tenant.manager, managerId: 'elsewhere' });
      const id = interceptId();
      await intercepts.create(teamId, interceptId(), interceptDraft(tenant));
      await intercepts.create(teamId, id, interceptDraft(tenant, { trafficManagerId: elsewhere!.id }));
      const page = await intercepts.list(teamId, { trafficManagerId: elsewhere!.id }, { limit: 5 });
      expect(page.items.map((intercept) => intercept.id)).toEqual([id]);
      expect((await intercepts.list(teamId, { trafficManagerId: 'x' }, { limit: 5 })).items).toEqual([]);
    });
  });

  describe('previews', () => {
    it('reads back what was created, also by hostname', async () => {
      const { previews, intercepts } = context.store;
      const id = interceptId();
      await intercepts.create(teamId, id, interceptDraft(tenant));
      const draft = previewDraft({ interceptId: id, expiresAt: new Date('2031-01-01T00:00:00.500Z') });
      const created = await previews.create(teamId, draft);
      expect(created).toEqual({
        ...draft,
        id: expect.any(String) as string,
        teamId,
        trafficManagerId: tenant.manager.id,
        allowUpgrades: false,
        idleExpirySeconds: null,
        endsWithSession: false,
        keep: null,
        lastUsedAt: null,
        createdAt: expect.any(Date) as Date,
        updatedAt: expect.any(Date) as Date,
      });
      expect(await previews.find(teamId, created!.id)).toEqual(created);
      const { access, expiresAt, hostname, trafficManagerId, pullRequestUrl } = created!;
      const { ingress, addRequestHeaders } = created!;
      const ids = { id: created!.id, teamId, interceptId: id, trafficManagerId };
      const allowUpgrades = false;
      const route = {
        ...ids,
        hostname,
        ingress,
        addRequestHeaders,
        access,
        allowUpgrades,
        expiresAt,
        keep: null,
      };
      const { workload, namespace, client } = (await context.store.intercepts.find(teamId, id))!;
      const banner = { workload, namespace, client, pullRequestUrl, isKept: false };
      await previews.update(teamId, created!.id, { displayBanner: true });
      expect(await previews.findRoute(draft.hostname)).toEqual({ ...route, banner });
      await previews.update(teamId, created!.id, { displayBanner: false });
      expect(await previews.findRoute(draft.hostname)).toEqual({ ...route, banner: null });
      await previews.update(teamId, created!.id, { allowUpgrades: true });
      expect(await previews.findRoute(draft.hostname)).toMatchObject({ allowUpgrades: true });
    });

    it('finds only expired previews', async () => {
      const { previews } = context.store;
      const expired = await createPreview(context.store, tenant, { expiresAt: new Date(0) });
      expect(await previews.findRoute(expired.hostname)).toMatchObject({
        id: expired.id,
        expiresAt: new Date(0),
      });
      for (const hostname of [
        '',
        'nobody.test',
        'a\0b',
        '\ud800',
        'x'.repeat(100_000),
        expired.hostname.toUpperCase(),
      ]) {
        expect(await previews.findRoute(hostname)).toBeNull();
      }
    });

    it('finds a route by an index', async () => {
      const { pool } = context;
      await pool.query('ANALYZE preview');
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        // A table of a few rows is cheaper to scan: this only checks that an index can answer.
        await client.query('SET LOCAL enable_seqscan = off');
        const { rows } = await client.query<{ 'QUERY PLAN': string }>(
          'EXPLAIN SELECT * FROM preview WHERE hostname = $1',
          ['a'],
        );
        expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('preview_hostname_key');
        await client.query('ROLLBACK');
      } finally {
        client.release();
      }
    });

    it('gives a hostname to one preview across all teams', async () => {
      const { previews } = context.store;
      const other = await createTenant(context.store);
      const { hostname } = await createPreview(context.store, other);
      const id = interceptId();
      const clash = previews.createWithIntercept(
        teamId,
        id,
        interceptDraft(tenant),
        previewDraft({ hostname }),
      );
      await expect(clash).rejects.toBeInstanceOf(HostnameTakenError);
      await expect(clash).rejects.toMatchObject({ hostname });
      // Both or neither.
      expect(await context.store.intercepts.find(teamId, id)).toBeNull();
    });

    it('creates no preview without its intercept or traffic manager', async () => {
      const { previews, intercepts } = context.store;
      expect(await previews.create(teamId, previewDraft())).toBeNull();
      expect(await previews.create(teamId, previewDraft({ interceptId: '\0' }))).toBeNull();
      const id = interceptId();
      for (const trafficManagerId of [UNKNOWN, 'x']) {
        const intercept = interceptDraft(tenant, { trafficManagerId });
        expect(await previews.createWithIntercept(teamId, id, intercept, previewDraft())).toBeNull();
      }
      expect(await intercepts.find(teamId, id)).toBeNull();
    });

    it('refuses an intercept id that is in use', async () => {
      const { previews } = context.store;
      const { interceptId: taken } = await createPreview(context.store, tenant);
      const again = previews.createWithIntercept(teamId, taken, interceptDraft(tenant), previewDraft());
      await expect(again).rejects.toBeInstanceOf(InterceptIdTakenError);
    });

    it('changes only the given fields of a preview', async () => {
      const { previews } = context.store;
      const preview = await createPreview(context.store, tenant);
      const change = {
        access: 'public',
        pullRequestUrl: null,
        ingress: {
          host: 'other',
          port: 80,
          useTls: false,
          l5Host: 'other.test',
          verifyTls: true,
          protocol: 'http1',
          addressedAs: 'l5host',
        },
        expiresAt: new Date('2032-01-01T00:00:00Z'),
      } as const;
      const changed = { ...preview, ...change, updatedAt: expect.any(Date) as Date };
      expect(await previews.update(teamId, preview.id, change)).toEqual(changed);
      expect(await previews.update(teamId, preview.id, { expiresAt: null, addRequestHeaders: {} })).toEqual({
        ...changed,
        expiresAt: null,
        addRequestHeaders: {},
      });
      expect(await previews.update(teamId, UNKNOWN, change)).toBeNull();
      expect(await previews.update(teamId, 'x', change)).toBeNull();
    });

    it('removes a preview once', async () => {
      const { previews } = context.store;
      const preview = await createPreview(context.store, tenant);
      const removals = await Promise.all([1, 2, 3].map(() => previews.remove(teamId, preview.id)));
      expect(removals.filter((removed) => removed !== null)).toEqual([preview]);
      expect(await previews.findRoute(preview.hostname)).toBeNull();
      expect(await previews.remove(teamId, 'x')).toBeNull();
    });

    it('counts and lists by traffic manager and intercept', async () => {
      const { previews } = context.store;
      const first = await createPreview(context.store, tenant);
      const second = await createPreview(context.store, tenant);
      expect(await previews.count(teamId)).toBe(2);
      expect(await previews.count('x')).toBe(0);
      const list = async (filter: Parameters<typeof previews.list>[1]) =>
        (await previews.list(teamId, filter, { limit: 5 })).items;
      expect(await list({ trafficManagerId: tenant.manager.id })).toEqual([second, first]);
      expect(await list({ interceptId: first.interceptId })).toEqual([first]);
      expect(await list({ trafficManagerId: 'x' })).toEqual([]);
      expect(await list({ interceptId: '\0' })).toEqual([]);
    });

    it('lists by search text, in any case and with any special characters', async () => {
      const { previews, intercepts, sessions } = context.store;
      const shop = await createPreview(context.store, tenant, {
        access: 'public',
        pullRequestUrl: 'https://git.example.com/pull/17',
      });
      const basket = await createPreview(context.store, tenant, { pullRequestUrl: null });
      await intercepts.update(teamId, shop.interceptId, { workload: 'Shop_100%', client: 'ann@laptop' });
      await intercepts.update(teamId, basket.interceptId, { workload: 'basket', client: 'a\\b' });
      const list = async (filter: Parameters<typeof previews.list>[1]) =>
        (await previews.list(teamId, filter, { limit: 5 })).items;
      const label = shop.hostname.split('.')[0];
      for (const search of ['p_100', 'SHOP_', '100%', 'pull/17', 'ANN@', label.toUpperCase()]) {
        expect([search, await list({ search })]).toEqual([search, [shop]]);
      }
      expect(await list({ search: 'a\\b' })).toEqual([basket]);
      for (const search of ['b_sket', 'b%t', "'", 'nothing', '\0']) {
        expect([search, await list({ search })]).toEqual([search, []]);
      }
      expect(await list({ workload: 'Shop_100%' })).toEqual([shop]);
      expect(await list({ workload: 'shop_100%' })).toEqual([]);
      expect(await list({ client: 'ann@laptop', access: 'public' })).toEqual([shop]);
      expect(await list({ client: 'ann@laptop', access: 'team' })).toEqual([]);
      expect(await list({ isConnected: true })).toEqual([]);
      expect(await list({ isConnected: false })).toEqual([basket, shop]);
      await sessions.register(
        teamId,
        registration(tenant, { identity: { ...tenant.manager, name: '', version: '', clusterId: '' } }),
      );
      expect(await list({ isConnected: true })).toEqual([basket, shop]);
      expect(await list({ isConnected: false })).toEqual([]);
    });

    it('finds intercepts by their ids, of its team only', async () => {
      const { intercepts } = context.store;
      const ids = [interceptId(), interceptId()];
      for (const id of ids) await intercepts.create(teamId, id, interceptDraft(tenant));
      const found = await intercepts.findMany(teamId, [...ids, 'x', '\0']);
      expect(found.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
      expect(await intercepts.findMany(UNKNOWN, ids)).toEqual([]);
      expect(await intercepts.findMany('x', ids)).toEqual([]);
    });

    it('refuses a hostname that is too long', async () => {
      const hostname = `${'a'.repeat(250)}.test`;
      await expect(createPreview(context.store, tenant, { hostname })).rejects.toBeInstanceOf(
        InvalidTextError,
      );
    });
  });

  describe('pages', () => {
    it('neither repeats nor skips rows of one instant, whatever the page size', async () => {
      const { intercepts } = context.store;
      const ids = Array.from({ length: 11 }, () => interceptId());
      for (const id of ids) await intercepts.create(teamId, id, interceptDraft(tenant));
      await context.pool.query(
        "UPDATE intercept SET created_at = '2026-01-01 00:00:00.123' WHERE team_id = $1",
        [teamId],
      );
      const whole = (await intercepts.list(teamId, {}, { limit: 200 })).items.map(({ id }) => id);
      expect(whole.toSorted()).toEqual(ids.toSorted());
      for (const limit of [1, 2, 5, 10, 11, 12]) {
        expect(await readAll((cursor) => intercepts.list(teamId, {}, { limit, cursor }))).toEqual(whole);
      }
    });

    it('keeps its place while rows come and go', async () => {
      const { previews } = context.store;
      const made = [];
      for (let n = 0; n < 6; n++) made.push(await createPreview(context.store, tenant));
      const newestFirst = made.toReversed().map(({ id }) => id);
      const first = await previews.list(teamId, {}, { limit: 2 });
      // The row that the cursor names is removed, and a newer one is added.
      await previews.remove(teamId, newestFirst[1]);
      await createPreview(context.store, tenant);
      const rest = await readAll((cursor) =>
        previews.list(teamId, {}, { limit: 2, cursor: cursor ?? first.nextCursor! }),
      );
      expect(rest).toEqual(newestFirst.slice(2));
    });

    it('refuses an invalid cursor', async () => {
      const { previews, intercepts } = context.store;
      const encode = (text: string) => Buffer.from(text).toString('base64url');
      const malformed = [
        '',
        'x',
        '%%%',
        encode('1'),
        encode('1:'),
        encode(`x:${UNKNOWN}`),
        encode('1:a\0b'),
        encode(`-1:${UNKNOWN}`),
        encode(`999999999999999:${UNKNOWN}`),
        'A'.repeat(5000),
      ];
      for (const cursor of [...malformed, encode('1:not-a-uuid')]) {
        await expect(previews.list(teamId, {}, { limit: 1, cursor })).rejects.toBeInstanceOf(
          InvalidCursorError,
        );
      }
      for (const cursor of malformed) {
        await expect(intercepts.list(teamId, {}, { limit: 1, cursor })).rejects.toBeInstanceOf(
          InvalidCursorError,
        );
      }
    });
  });
});

async function readAll(
  read: (cursor: string | undefined) => Promise<{ items: { id: string }[]; nextCursor: string | null }>,
): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await read(cursor);
    ids.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return ids;
}
