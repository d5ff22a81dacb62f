import { randomUUID } from 'node:crypto';
import { previewResource } from '@culvert/contract';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestApi, type TestTeam } from '../spec/api-harness.js';

const ingress = { host: 'checkout.shop', port: 8080 };
const intercept = { name: 'checkout', workload: 'checkout', namespace: 'shop' };

describe('/api/v1/previews', () => {
  let api: TestApi;
  let team: TestTeam;
  let trafficManagerId: string;

  beforeAll(async () => {
    api = await TestApi.start({ env: { PREVIEW_DOMAIN: 'preview.example.com', MAX_PREVIEWS_PER_TEAM: '5' } });
  });
  beforeEach(async () => {
    team = await api.team('Shop');
    trafficManagerId = await team.trafficManager('staging');
    api.bus.drain();
  });
  afterAll(() => api.close());

  const create = async (body: object = {}) =>
    (await team.post('/previews', { intercept, ingress, ...body })).body;

  it('creates a preview together with its intercept', async () => {
    const response = await team.post('/previews', { intercept, ingress });
    expect(response.status).toBe(201);
    const preview = previewResource.parse(response.body);
    expect(preview).toMatchObject({
      trafficManagerId,
      ingress: {
        host: 'checkout.shop',
        port: 8080,
        useTls: false,
        l5Host: 'checkout.shop',
        verifyTls: true,
        protocol: 'http1',
      },
      access: 'team',
      displayBanner: true,
      allowUpgrades: false,
      pullRequestUrl: null,
      addRequestHeaders: {},
      expiresAt: null,
    });
    expect(preview.hostname).toMatch(/^[a-z]+-[a-z]+-[0-9a-z]{14}\.preview\.example\.com$/);
    expect(preview.url).toBe(`http://${preview.hostname}:8080`);
    expect(preview.interceptId).toMatch(/^[0-9a-f-]{36}:checkout$/);
    expect((await team.get(`/intercepts/${preview.interceptId}`)).body).toMatchObject({
      ...intercept,
      trafficManagerId,
    });
    expect(api.bus.drain()).toEqual([{ type: 'preview.changed', hostname: preview.hostname }]);
    expect(await api.store.previews.findRoute(preview.hostname)).toMatchObject({
      id: preview.id,
      teamId: team.teamId,
    });
  });

  it('keeps every field that was given', async () => {
    const given = {
      ingress: {
        host: '10.0.0.7',
        port: 443,
        useTls: true,
        l5Host: 'shop.example.com',
        verifyTls: false,
        protocol: 'h2',
      },
      access: 'public',
      displayBanner: false,
      allowUpgrades: true,
      pullRequestUrl: 'https://git.example.com/shop/pull/17',
      addRequestHeaders: { 'x-feature': 'on' },
      expiresAt: new Date(Date.now() + 60_000).toISOString(),
    };
    const { id } = await create(given);
    expect((await team.get(`/previews/${id}`)).body).toMatchObject(given);
  });

  it('creates another preview of an intercept that exists', async () => {
    const { interceptId } = await create();
    const response = await team.post('/previews', { interceptId, ingress });
    expect(response.status).toBe(201);
    expect(response.body).toMatchObject({ interceptId, trafficManagerId });
    const unknown = await team.post('/previews', { interceptId: 'nothing:here', ingress });
    expect([unknown.status, unknown.body.code]).toEqual([404, 'not_found']);
    const other = await team.trafficManager('other');
    const mismatch = await team.post('/previews', { interceptId, ingress, trafficManagerId: other });
    expect([mismatch.status, mismatch.body.errors[0].pointer]).toEqual([400, '/trafficManagerId']);
  });

  it('requires a traffic manager unless there is exactly one', async () => {
    const production = await team.trafficManager('production');
    const ambiguous = await team.post('/previews', { intercept, ingress });
    expect([ambiguous.status, ambiguous.body.code]).toEqual([422, 'traffic_manager_required']);
    const named = await team.post('/previews', { intercept, ingress, trafficManagerId: production });
    expect([named.status, named.body.trafficManagerId]).toEqual([201, production]);
    const unknown = await team.post('/previews', { intercept, ingress, trafficManagerId: 'nothing' });
    expect([unknown.status, unknown.body.code]).toEqual([404, 'not_found']);

    const empty = await api.team('Empty');
    const none = await empty.post('/previews', { intercept, ingress });
    expect([none.status, none.body.code]).toEqual([422, 'traffic_manager_required']);
    expect(JSON.stringify(none.body)).not.toContain(production);
  });

  it('refuses invalid fields and names them', async () => {
    const response = await team.post('/previews', {
      intercept,
      ingress: { host: 'a b', port: 0 },
      addRequestHeaders: { Host: 'x' },
      expiresAt: '2020-01-01T00:00:00Z',
      color: 'red',
    });
    expect([response.status, response.body.code]).toEqual([400, 'validation_failed']);
    const pointers = response.body.errors.map(({ pointer }: { pointer: string }) => pointer);
    expect(pointers.toSorted()).toEqual([
      '',
      '/addRequestHeaders/Host',
      '/expiresAt',
      '/ingress/host',
      '/ingress/port',
    ]);
    expect(api.bus.drain()).toEqual([]);
  });

  it('accepts HTTP/2 for an ingress with a matching TLS setting', async () => {
    const { id } = await create({ ingress: { ...ingress, protocol: 'h2c' } });
    expect((await team.get(`/previews/${id}`)).body.ingress).toMatchObject({
      protocol: 'h2c',
      useTls: false,
    });
    for (const wrong of [
      { protocol: 'h2' },
      { protocol: 'h2c', useTls: true },
      { protocol: 'http/2', useTls: true },
    ]) {
      const refused = await team.patch(`/previews/${id}`, { ingress: { ...ingress, ...wrong } });
      expect([refused.status, refused.body.errors[0].pointer]).toEqual([400, '/ingress/protocol']);
    }
    // An ingress is replaced as a whole: missing fields return to their defaults.
    expect((await team.patch(`/previews/${id}`, { ingress })).body.ingress.protocol).toBe('http1');
  });

  it('changes fields, and notifies the edges', async () => {
    const { id, hostname } = await create({ addRequestHeaders: { 'x-a': '1' } });
    api.bus.drain();
    const change = {
      access: 'public',
      ingress: { host: 'b', port: 81 },
      pullRequestUrl: 'https://git.example.com/1',
    };
    const response = await team.patch(`/previews/${id}`, change);
    expect(response.status).toBe(200);
    expect(response.body).toMatchObject({
      access: 'public',
      ingress: { host: 'b', port: 81, l5Host: 'b', verifyTls: true },
      addRequestHeaders: { 'x-a': '1' },
      hostname,
    });
    expect((await team.get(`/previews/${id}`)).body).toEqual(response.body);
    expect(api.bus.drain()).toEqual([{ type: 'preview.changed', hostname }]);
    expect((await team.patch(`/previews/${id}`, { pullRequestUrl: null })).body.pullRequestUrl).toBeNull();
    expect((await team.patch(`/previews/${id}`, { hostname: 'mine.preview.example.com' })).status).toBe(400);
    expect((await team.patch('/previews/nothing', { access: 'public' })).status).toBe(404);
  });

  it('deletes a preview and leaves its intercept', async () => {
    const { id, hostname, interceptId } = await create();
    api.bus.drain();
    const response = await team.delete(`/previews/${id}`);
    expect([response.status, response.text]).toEqual([204, '']);
    expect(api.bus.drain()).toMatchObject([
      { type: 'preview.changed', hostname },
      { type: 'preview.removed', hostname, interceptId },
    ]);
    expect((await team.get(`/previews/${id}`)).status).toBe(404);
    expect((await team.delete(`/previews/${id}`)).status).toBe(404);
    expect((await team.get(`/intercepts/${interceptId}`)).status).toBe(200);
  });

  it('restores a removed preview of Telepresence with its hostname and settings, and records it', async () => {
    const { id, hostname, interceptId } = await team.requestedPreview(`web-${randomUUID()}`);
    const before = (await team.patch(`/previews/${id}`, { access: 'public' })).body;
    const restore = () => team.post(`/intercepts/${encodeURIComponent(interceptId)}/restore-preview`, {});
    const removed = async () =>
      (await team.get(`/intercepts/${encodeURIComponent(interceptId)}`)).body.removedPreview;
    expect([(await restore()).status, await removed()]).toEqual([404, null]);
    await team.delete(`/previews/${id}`);
    expect(await removed()).toEqual({ hostname });
    api.bus.drain();
    const response = await restore();
    expect(response.status).toBe(201);
    const restored = previewResource.parse(response.body);
    const { id: _id, createdAt: _createdAt, updatedAt: _updatedAt, ...settings } = before;
    expect(restored).toMatchObject(settings);
    expect(api.bus.drain()).toEqual([{ type: 'preview.changed', hostname }]);
    expect(await removed()).toBeNull();
    expect((await team.get(`/audit-events?targetId=${restored.id}`)).body.items).toMatchObject([
      { action: 'preview.restore', before: null, after: { hostname } },
    ]);
    expect((await restore()).status).toBe(404);
  });

  it('shows the name, workload, namespace and client of the intercept, and filters by them', async () => {
    const shop = await api.team('Shop with intercepts');
    await shop.trafficManager('staging');
    const createNamed = (name: string, access: string) =>
      shop.post('/previews', {
        intercept: { name, workload: `${name}-v2`, namespace: 'shop', client: 'ann@laptop' },
        ingress: { host: 'web', port: 80 },
        access,
      });
    const basket = (await createNamed('basket', 'public')).body;
    await createNamed('orders', 'team');
    expect(basket.intercept).toEqual({
      name: 'basket',
      workload: 'basket-v2',
      namespace: 'shop',
      client: 'ann@laptop',
    });
    const named = async (query: string) =>
      (await shop.get(`/previews?${query}`)).body.items.map(
        (item: { intercept: { name: string } }) => item.intercept.name,
      );
    expect(await named('search=BASKET')).toEqual(['basket']);
    expect(await named('workload=orders-v2')).toEqual(['orders']);
    expect(await named('access=public')).toEqual(['basket']);
    expect(await named('client=ann@laptop&state=waiting')).toEqual(['orders', 'basket']);
    expect(await named('state=connected')).toEqual([]);
    for (const query of ['state=odd', 'access=odd', 'search=', `search=${'x'.repeat(201)}`, 'search=%00']) {
      expect([query, (await shop.get(`/previews?${query}`)).status]).toEqual([query, 400]);
    }
  });

  it('lists page by page, newest first, and by intercept and traffic manager', async () => {
    const first = await create();
    const second = await create();
    const third = (await team.post('/previews', { interceptId: second.interceptId, ingress })).body;
    const ids = async (query: string) => {
      const { body } = await team.get(`/previews${query}`);
      return { ids: body.items.map(({ id }: { id: string }) => id), next: body.nextCursor };
    };
    expect((await ids('')).ids).toEqual([third.id, second.id, first.id]);
    const page = await ids('?limit=2');
    expect(page.ids).toEqual([third.id, second.id]);
    expect(await ids(`?limit=2&cursor=${encodeURIComponent(page.next)}`)).toEqual({
      ids: [first.id],
      next: null,
    });
    expect((await ids(`?interceptId=${second.interceptId}`)).ids).toEqual([third.id, second.id]);
    expect((await ids(`?trafficManagerId=${trafficManagerId}`)).ids).toHaveLength(3);
    expect(await ids('?trafficManagerId=nothing')).toEqual({ ids: [], next: null });
  });

  it.each([
    '?limit=0',
    '?limit=201',
    '?limit=x',
    '?cursor=%00',
    '?cursor=bm9uc2Vuc2U',
    '?color=red',
    '?limit=1&limit=2',
  ])('refuses the page %s', async (query) => {
    const response = await team.get(`/previews${query}`);
    expect([response.status, response.body.code]).toEqual([400, 'validation_failed']);
  });

  it('refuses previews beyond the limit of the team', async () => {
    for (let i = 0; i < 5; i++) expect(await create()).toHaveProperty('id');
    const response = await team.post('/previews', { intercept, ingress });
    expect([response.status, response.body.code]).toEqual([429, 'preview_limit_reached']);
    expect((await team.get('/intercepts')).body.items).toHaveLength(5);
    const other = await api.team('Other');
    await other.trafficManager('staging');
    expect((await other.post('/previews', { intercept, ingress })).status).toBe(201);
  });

  it('answers even if the edges cannot be notified', async () => {
    api.bus.refusal = new Error('no connection to redis://:hunter2@redis');
    try {
      expect((await team.post('/previews', { intercept, ingress })).status).toBe(201);
      expect(api.logLines.join('')).toContain('cannot publish events');
      expect(api.logLines.join('')).not.toContain('hunter2');
    } finally {
      api.bus.refusal = undefined;
    }
  });
});
