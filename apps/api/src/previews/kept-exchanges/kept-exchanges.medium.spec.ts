import { randomUUID } from 'node:crypto';
import type { Exchange, ExchangeBodies, KeptExchangeResource } from '@culvert/contract';
import { ExchangeVault, writeExchange } from '@culvert/exchanges';
import { createLog } from '@culvert/runtime';
import { KeyRing } from '@culvert/sealing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ANSWERED, ReplayingEdge } from '../../spec/replaying-edge.js';
import { createTestStore, TestApi, type TestTeam } from '../../spec/api-harness.js';
import { ExpiredExchanges } from './expired-exchanges.js';

const [KEY, LOST, MISSING] = [KeyRing.generate(), KeyRing.generate(), KeyRing.generate()];
const ring = (...keys: string[]) => KeyRing.parse(keys)!;
const POLICY = { maxCount: 100, maxHours: 48, bodies: true, redactedNames: [] };
const field = (name: string, value: string) => ({ name, value, isMasked: false });

function exchangeOf(change: Partial<Exchange> = {}): Exchange {
  return {
    id: randomUUID(),
    state: 'ended',
    startedAt: new Date().toISOString(),
    method: 'GET',
    target: '/basket?article=17',
    httpVersion: '1.1',
    upgrade: null,
    visitor: { address: '192.0.2.1', kind: 'anyone', id: null },
    replayOf: null,
    request: { fields: [field('Host', 'shop.example'), field('x-mark', 'Plum')], isTruncated: false },
    response: { fields: [field('content-type', 'text/plain')], isTruncated: false },
    changes: [],
    notes: [],
    status: 200,
    error: null,
    timings: { gateMs: 1, waitMs: null, connectMs: null, firstByteMs: 20, bodyMs: 4 },
    bytesIn: 1,
    bytesOut: 2,
    ...change,
  };
}

function bodiesOf(id: string, text: string): ExchangeBodies {
  const base64 = Buffer.from(text).toString('base64');
  const body = {
    base64,
    bytes: text.length,
    isTruncated: false,
    contentType: 'text/plain',
    contentEncoding: null,
  };
  return { id, request: body, response: null };
}

describe('kept exchanges', () => {
  let api: TestApi;
  let team: TestTeam;
  let previewId: string;
  let count = 0;

  beforeAll(async () => {
    api = await TestApi.start({ env: { ENCRYPTION_KEYS: KEY, PREVIEW_DOMAIN: 'preview.example.com' } });
  });
  afterAll(() => api.close());
  beforeEach(async () => {
    team = await api.team(`Shop ${(count += 1)}`);
    await team.trafficManager('cluster');
    expect((await team.patch('/team', { keepPolicy: POLICY })).status).toBe(200);
    previewId = (await newPreview({ keep: { count: 50, hours: 24 } })).body.id;
  });

  const newPreview = (fields: object) =>
    team.post('/previews', {
      intercept: { name: `web-${(count += 1)}`, workload: 'web' },
      ingress: { host: 'web', port: 80 },
      ...fields,
    });
  const keep = async (exchange: Exchange, bodies: ExchangeBodies | null = null, key = KEY) => {
    const vault = new ExchangeVault(ring(key), api.store.keptExchanges);
    const drafts = await vault.seal({ teamId: team.teamId, previewId }, [
      writeExchange({ exchange, bodies }),
    ]);
    const batch = { policyVersion: 1, at: new Date(), drafts: drafts! };
    expect(await api.store.keptExchanges.add(team.teamId, previewId, batch)).toBe(true);
    return exchange.id;
  };
  const path = (rest = '') => `/previews/${previewId}/kept-exchanges${rest}`;
  const found = async (query: string) =>
    ((await team.get(path(`?${query}`))).body.items as KeptExchangeResource[]).map(
      ({ exchange }) => exchange?.target,
    );

  it('are found by every part of a filter', async () => {
    await keep(exchangeOf({ startedAt: '2026-01-01T00:00:00.000Z', target: '/old' }));
    const failed = exchangeOf({
      method: 'POST',
      target: '/api/orders',
      status: 502,
      error: 'ingress_refused',
    });
    await keep(
      { ...failed, timings: { ...failed.timings, firstByteMs: 5000 } },
      bodiesOf(failed.id, 'one Pear'),
    );
    await keep(
      exchangeOf({
        target: '/api/users',
        status: 404,
        request: { fields: [field('host', 'other')], isTruncated: false },
      }),
    );
    expect(await found('')).toEqual(['/api/users', '/api/orders', '/old']);
    expect(await found('method=post,PUT')).toEqual(['/api/orders']);
    expect(await found('status=4xx,502')).toEqual(['/api/users', '/api/orders']);
    expect(await found('status=failed')).toEqual(['/api/orders']);
    expect(await found('hasError=true')).toEqual(['/api/users', '/api/orders']);
    expect(await found('hasError=false')).toEqual(['/old']);
    expect(await found('path=/api/*')).toEqual(['/api/users', '/api/orders']);
    expect(await found('path=order')).toEqual(['/api/orders']);
    expect(await found('host=OTHER')).toEqual(['/api/users']);
    expect(await found('minDurationMs=5000')).toEqual(['/api/orders']);
    expect(await found('from=2026-01-02T00:00:00Z')).toEqual(['/api/users', '/api/orders']);
    expect(await found('until=2026-01-02T00:00:00Z')).toEqual(['/old']);
    expect(await found('text=PLUM')).toEqual(['/api/orders', '/old']);
    expect(await found('text=pear')).toEqual([]);
    expect(await found('text=pear&bodies=true')).toEqual(['/api/orders']);
    for (const wrong of [
      'status=9xx',
      'method=G%20T',
      'minDurationMs=-1',
      'from=today',
      'bodies=1',
      'unknown=1',
    ])
      expect((await team.get(path(`?${wrong}`))).status).toBe(400);
  });

  it('come in pages, which a search can end early and continue', async () => {
    for (let i = 0; i < 5; i++)
      await keep(
        exchangeOf({ target: `/${i}`, startedAt: new Date(Date.UTC(2026, 0, 1, 0, 0, i)).toISOString() }),
      );
    const first = (await team.get(path('?limit=2'))).body;
    expect(first.items.map((item: KeptExchangeResource) => item.exchange?.target)).toEqual(['/4', '/3']);
    const second = (await team.get(path(`?limit=10&cursor=${first.nextCursor}`))).body;
    expect(second.items.map((item: KeptExchangeResource) => item.exchange?.target)).toEqual([
      '/2',
      '/1',
      '/0',
    ]);
    expect(second.nextCursor).toBeNull();
  });

  it('show bodies only to callers who can change the preview', async () => {
    const exchange = exchangeOf();
    const id = await keep(exchange, bodiesOf(exchange.id, 'text'));
    expect((await team.get(path(`/${id}`))).body).toMatchObject({
      kind: 'exchange',
      hasBodies: true,
      bodies: null,
      exchange,
    });
    expect((await team.get(path(`/${id}?bodies=true`))).body.bodies).toEqual(bodiesOf(id, 'text'));
    const reading = await team.keyWith({ scopes: ['previews:read'] });
    expect((await reading.get(path(`/${id}`))).status).toBe(200);
    for (const rest of [`/${id}?bodies=true`, '?bodies=true', '.har?bodies=true'])
      expect((await reading.get(path(rest))).status).toBe(403);
    expect((await reading.delete(path(`/${id}`))).status).toBe(403);
  });

  it('do not exist for other teams', async () => {
    const id = await keep(exchangeOf());
    const other = await api.team('Other');
    for (const rest of ['', `/${id}`, '.har']) expect((await other.get(path(rest))).status).toBe(404);
    for (const rest of ['', `/${id}`]) expect((await other.delete(path(rest))).status).toBe(404);
    expect(await found('')).toHaveLength(1);
  });

  it('are exported as an HTTP Archive that says what it lacks', async () => {
    const exchange = exchangeOf();
    await keep(exchange, bodiesOf(exchange.id, 'text'));
    await keep(exchangeOf({ method: 'PUT' }), null, LOST);
    const statement = {
      id: randomUUID(),
      startedAt: new Date(),
      omitted: 12,
      keyId: null,
      sealed: null,
      sealedBodies: null,
    };
    await api.store.keptExchanges.add(team.teamId, previewId, {
      policyVersion: 1,
      at: new Date(),
      drafts: [statement],
    });
    const { body, headers } = await team.get(path('.har?bodies=true'));
    expect(headers['content-disposition']).toContain('exchanges.har');
    expect(body.log.entries).toHaveLength(1);
    expect(body.log.entries[0].request.postData.text).toBe('text');
    expect(body.log.entries[0].request.url).toMatch(/^http:\/\/.*\/basket\?article=17$/);
    expect(body.log.comment).toBe('12 exchanges were not kept. 1 exchanges cannot be read.');
    expect((await team.get(path('.har?method=HEAD'))).body.log.entries).toEqual([]);
  });

  it('that were encrypted with a lost key are listed, explained, and can be deleted', async () => {
    const id = await keep(exchangeOf(), null, LOST);
    expect((await team.get(path())).body.items).toMatchObject([{ id, kind: 'unreadable', exchange: null }]);
    expect(await found('method=GET')).toEqual([]);
    const { status, body } = await team.get(path(`/${id}`));
    expect([status, body.code]).toEqual([409, 'exchange_not_readable']);
    expect(body.detail).toContain(ring(LOST).currentId);
    expect((await team.delete(path(`/${id}`))).status).toBe(204);
    expect((await team.delete(path(`/${id}`))).status).toBe(404);
    await keep(exchangeOf());
    await keep(exchangeOf());
    expect((await team.delete(path())).status).toBe(204);
    expect(await found('')).toEqual([]);
  });

  it('stay readable when the encryption key is replaced', async () => {
    const id = await keep(exchangeOf(), null, LOST);
    const log = createLog({ level: 'silent', app: 'api' });
    const renewal = new ExpiredExchanges(api.store, { encryptionKeys: [KEY, LOST] }, log);
    expect(await renewal.reseal()).toBeGreaterThan(0);
    expect(await renewal.reseal()).toBe(0);
    expect((await team.get(path(`/${id}`))).status).toBe(200);
  });

  it('get their key replaced although a process still used the former one after the start', async () => {
    const warn = vi.fn();
    const log = { warn, info: vi.fn() } as unknown as ReturnType<typeof createLog>;
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const renewal = new ExpiredExchanges(api.store, { encryptionKeys: [KEY, LOST] }, log);
    renewal.onApplicationBootstrap();
    const id = await keep(exchangeOf(), null, LOST);
    vi.advanceTimersByTime(60_000);
    vi.useRealTimers();
    await expect.poll(async () => (await team.get(path(`/${id}`))).status).toBe(200);
    renewal.onApplicationShutdown();
    expect(warn).not.toHaveBeenCalled();

    // A key that is missing is named once, not in every sweep.
    await keep(exchangeOf(), null, MISSING);
    const without = new ExpiredExchanges(api.store, { encryptionKeys: [KEY] }, log);
    for (let sweep = 0; sweep < 2; sweep++) await without.reseal();
    const keyIds = expect.arrayContaining([ring(MISSING).currentId]) as unknown;
    expect(warn.mock.calls).toEqual([[{ keyIds }, expect.stringContaining('cannot be read')]]);
  });

  it('are recorded in the audit log when they are read or deleted, reading only once in a while', async () => {
    const id = await keep(exchangeOf());
    await team.get(path());
    await team.get(path(`/${id}`));
    await team.get(path('.har'));
    await team.delete(path(`/${id}`));
    const actions = (await team.get('/audit-events')).body.items.map(
      (event: { action: string }) => event.action,
    );
    expect(actions.slice(0, 3)).toEqual(['preview.delete-kept', 'preview.read-kept', 'preview.read-kept']);
    expect(actions.filter((action: string) => action === 'preview.read-kept')).toHaveLength(2);
    const member = await api.person('jo@example.test', [[team.teamId, 'member']]);
    await member.request('get', path());
    expect((await team.get('/audit-events?action=preview.read-kept')).body.items[0].actor.kind).toBe('user');
  });

  it('are set within the policy of the team, which only owners and admins change', async () => {
    const change = (keeping: object | null) => team.patch(`/previews/${previewId}`, { keep: keeping });
    expect((await change({ count: 100, hours: 48 })).body.keep).toEqual({ count: 100, hours: 48 });
    expect((await change({ count: 101, hours: 49 })).body.errors).toMatchObject([
      { pointer: '/keep/count' },
      { pointer: '/keep/hours' },
    ]);
    const member = await api.person('kim@example.test', [[team.teamId, 'member']]);
    expect((await member.request('patch', '/team').send({ keepPolicy: null })).status).toBe(403);
    await team.patch('/team', { keepPolicy: { ...POLICY, maxCount: 7 } });
    expect((await team.get(`/previews/${previewId}`)).body.keep).toEqual({ count: 7, hours: 48 });
    api.bus.drain();
    const { body } = await team.patch('/team', { keepPolicy: null });
    expect(body).toMatchObject({ keepPolicy: null, canKeep: true });
    expect(api.bus.drain()).toMatchObject([{ type: 'preview.changed' }]);
    expect((await team.get(`/previews/${previewId}`)).body.keep).toBeNull();
    expect((await change({ count: 1, hours: 1 })).body.code).toBe('keeping_not_allowed');
    expect((await change(null)).status).toBe(200);
    expect((await newPreview({ keep: { count: 1, hours: 1 } })).body.code).toBe('keeping_not_allowed');
    const { items } = (await team.get('/audit-events?action=team.update')).body;
    expect(items[0]).toMatchObject({ before: { keepPolicy: { maxCount: 7 } }, after: { keepPolicy: null } });
  });

  it('are repeated if they are complete, though no edge holds them', async () => {
    const edge = new ReplayingEdge(api.bus);
    edge.report = ANSWERED;
    const replay = (exchangeId: string) => team.post(`/previews/${previewId}/replays`, { exchangeId });
    const whole = exchangeOf({ method: 'POST' });
    await keep(whole, bodiesOf(whole.id, 'text'));
    expect((await replay(whole.id)).status).toBe(200);
    expect(edge.orders).toMatchObject([{ method: 'POST', target: '/basket?article=17', replayOf: whole.id }]);
    const masked = exchangeOf({ method: 'POST' });
    const { request, ...rest } = bodiesOf(masked.id, 'pin=***');
    await keep(masked, { ...rest, request: { ...request!, isMasked: true } });
    expect((await replay(masked.id)).body.code).toBe('exchange_not_repeatable');
    expect((await replay(randomUUID())).body.code).toBe('exchange_not_repeatable');
    edge.close();
  });
});

describe('without an encryption key', () => {
  it('nothing is kept or read, and what there is can be deleted', async () => {
    const api = await TestApi.start({ store: await createTestStore() });
    const team = await api.team('Shop');
    await team.trafficManager('cluster');
    const intercept = { name: 'web', workload: 'web' };
    const ingress = { host: 'web', port: 80 };
    const created = await team.post('/previews', { intercept, ingress, keep: { count: 1, hours: 1 } });
    expect([created.status, created.body.code]).toEqual([409, 'keeping_not_available']);
    expect((await team.patch('/team', { keepPolicy: POLICY })).body.code).toBe('keeping_not_available');
    expect((await team.patch('/team', { keepPolicy: null })).body).toMatchObject({ canKeep: false });
    const { id } = (await team.post('/previews', { intercept, ingress })).body;
    for (const rest of ['', '.har'])
      expect((await team.get(`/previews/${id}/kept-exchanges${rest}`)).body.code).toBe(
        'keeping_not_available',
      );
    expect((await team.delete(`/previews/${id}/kept-exchanges`)).status).toBe(204);
    await api.close();
  });
});
