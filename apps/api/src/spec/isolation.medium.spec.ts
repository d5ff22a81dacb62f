import { OPERATIONS, type Operation } from '@culvert/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi, type TestTeam } from './api-harness.js';

describe('two teams', () => {
  let api: TestApi;
  let ours: TestTeam;
  let theirs: TestTeam;
  /** One ID of the other team for every path parameter. */
  let theirIds: Record<string, string>;
  /** Everything that would reveal the other team in a response. */
  let theirTraces: string[];

  beforeAll(async () => {
    api = await TestApi.start();
    ours = await api.team('Ours');
    theirs = await api.team('Theirs');
    await ours.trafficManager('staging');
    const session = await theirs.session('their-manager');
    const preview = (
      await theirs.post('/previews', {
        intercept: { name: 'their-intercept', workload: 'their-workload' },
        ingress: { host: 'their-ingress', port: 80 },
      })
    ).body;
    theirIds = {
      apiKeyId: theirs.apiKey.id,
      actorId: theirs.apiKey.id,
      targetId: preview.id,
      trafficManagerId: session.trafficManagerId,
      sessionId: session.id,
      interceptId: preview.interceptId,
      previewId: preview.id,
      shareLinkId: (await theirs.post(`/previews/${preview.id}/share-links`, { name: 'their-link' })).body.id,
      userId: (await api.person('their@example.test', [[theirs.teamId, 'owner']])).user.id,
      invitationId: (await theirs.post('/team/invitations', { email: 'their-guest@example.test' })).body.id,
      workloadIdentityId: (
        await theirs.post('/workload-identities', {
          name: 'their-identity',
          platform: 'github',
          conditions: [{ claim: 'repository', values: ['their-owner/shop'] }],
        })
      ).body.id,
      webhookId: (
        await theirs.post('/webhooks', { name: 'their-webhook', url: 'https://hooks.example.com/' })
      ).body.id,
      previewTokenId: (await theirs.post(`/previews/${preview.id}/tokens`, { name: 'their-token' })).body.id,
    };
    theirTraces = [...Object.values(theirIds), theirs.teamId, preview.hostname, 'Theirs', 'their-'];
    api.bus.drain();
  });
  afterAll(() => api.close());

  const call = (team: TestTeam, { method, path, body }: Operation, ids: Record<string, string>) => {
    const filled = path
      .replace('/api/v1', '')
      .replace(/\{(\w+)\}/, (_, name: string) => ids[name] ?? 'missing');
    const request = team.request(method, filled);
    return body === undefined ? request : request.send(body.example);
  };
  const seenByThem = async () => {
    const lists = [
      '/api-keys',
      '/traffic-managers',
      '/sessions',
      '/intercepts',
      '/previews',
      '/workload-identities',
      '/audit-events',
      '/webhooks',
    ];
    const pages = await Promise.all(lists.map(async (path) => (await theirs.get(path)).body.items));
    // The use of their key is recorded in the background.
    return JSON.parse(JSON.stringify(pages, (name, value) => (name === 'lastUsedAt' ? null : value)));
  };
  const expectNoTraces = (text: string, except: string[] = []) => {
    for (const trace of theirTraces) if (!except.includes(trace)) expect(text).not.toContain(trace);
  };

  const addressed = OPERATIONS.filter(
    ({ path, access }) => path.includes('{') && access !== 'public' && access !== 'user',
  );

  it.each(addressed.map((operation) => [operation.id, operation] as const))(
    'answer %s on an id of the other as if it did not exist, and change nothing',
    async (_id, operation) => {
      const before = await seenByThem();
      const foreign = await call(ours, operation, theirIds);
      const missingId = '00000000-0000-7000-8000-000000000000';
      const missing = await call(
        ours,
        operation,
        Object.fromEntries(Object.keys(theirIds).map((k) => [k, missingId])),
      );
      expect([foreign.status, foreign.body.code]).toEqual([404, 'not_found']);

      const parameter = /\{(\w+)\}/.exec(operation.path)?.[1] ?? '';
      const id = theirIds[parameter] ?? '';
      const comparable = (body: Record<string, unknown>) =>
        JSON.stringify({ ...body, instance: '' })
          .replaceAll(id, '<id>')
          .replaceAll(missingId, '<id>');
      expect(comparable(foreign.body)).toBe(comparable(missing.body));
      expectNoTraces(foreign.text.replaceAll(id, ''), [id]);
      expect(await seenByThem()).toEqual(before);
      expect(api.bus.drain()).toEqual([]);
    },
  );

  const lists = OPERATIONS.filter(
    ({ query, access, response }) => query !== undefined && access !== 'user' && response !== 'text/csv',
  );

  it.each(lists.map((operation) => [operation.id, operation] as const))(
    'do not see each other in %s',
    async (_id, operation) => {
      expectNoTraces((await call(ours, operation, {})).text);
      for (const filter of Object.keys(operation.query?.shape ?? {}).filter((name) => name.endsWith('Id'))) {
        const path = `${operation.path.replace('/api/v1', '')}?${filter}=${encodeURIComponent(theirIds[filter] ?? '')}`;
        expect((await ours.get(path)).body).toEqual({ items: [], nextCursor: null });
      }
    },
  );

  it('do not see each other in /me and /team', async () => {
    expectNoTraces((await ours.get('/me')).text);
  });

  it('cannot use a page cursor of the other', async () => {
    await theirs.trafficManager('their-second');
    const { nextCursor } = (await theirs.get('/traffic-managers?limit=1')).body;
    const response = await ours.get(`/traffic-managers?cursor=${encodeURIComponent(nextCursor)}`);
    expectNoTraces(response.text);
  });

  it.each([
    [
      'intercepts',
      (ids: Record<string, string>) => ({
        trafficManagerId: ids['trafficManagerId'],
        name: 'x',
        workload: 'x',
      }),
    ],
    [
      'previews',
      (ids: Record<string, string>) => ({
        trafficManagerId: ids['trafficManagerId'],
        intercept: { name: 'x', workload: 'x' },
        ingress: { host: 'x', port: 80 },
      }),
    ],
    [
      'previews',
      (ids: Record<string, string>) => ({
        interceptId: ids['interceptId'],
        ingress: { host: 'x', port: 80 },
      }),
    ],
  ])('cannot put %s on resources of the other', async (collection, body) => {
    const before = await seenByThem();
    const response = await ours.post(`/${collection}`, body(theirIds));
    expect([response.status, response.body.code]).toEqual([404, 'not_found']);
    expect((await ours.get(`/${collection}`)).body.items).toEqual([]);
    expect(await seenByThem()).toEqual(before);
    expect(api.bus.drain()).toEqual([]);
  });

  it('count their traffic managers separately', async () => {
    const intercept = (await ours.post('/intercepts', { name: 'x', workload: 'x' })).body;
    expect(intercept).toMatchObject({ name: 'x' });
    expectNoTraces(JSON.stringify(intercept));
  });
});
