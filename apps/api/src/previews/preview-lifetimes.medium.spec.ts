import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi, type TestTeam } from '../spec/api-harness.js';
import { PreviewLifetimes } from './preview-lifetimes.service.js';

describe(PreviewLifetimes.name, () => {
  let api: TestApi;
  let team: TestTeam;
  let trafficManagerId: string;

  beforeAll(async () => {
    api = await TestApi.start();
    team = await api.team('Shop');
    trafficManagerId = await team.trafficManager('staging');
  });
  afterAll(() => api.close());

  it(
    'removes a preview that is unused for its idle time, notifies edges and its traffic manager, and ' +
      'records it',
    async () => {
      const preview = (
        await team.post('/previews', {
          intercept: { name: 'checkout', workload: 'checkout' },
          ingress: { host: 'a', port: 80 },
          idleExpirySeconds: 300,
        })
      ).body;
      const lifetimes = api.app.get(PreviewLifetimes, { strict: false });
      const now = Date.now();
      await api.store.previews.recordUse([preview.id], new Date(now + 100_000));
      await lifetimes.sweep(new Date(now + 350_000));
      expect((await team.get(`/previews/${preview.id}`)).body.lastUsedAt).toBe(
        new Date(now + 100_000).toISOString(),
      );
      api.bus.drain();
      await lifetimes.sweep(new Date(now + 401_000));
      expect((await team.get(`/previews/${preview.id}`)).status).toBe(404);
      const { hostname, interceptId } = preview;
      expect(api.bus.drain()).toEqual([
        { type: 'preview.changed', hostname },
        { type: 'preview.removed', hostname, interceptId, trafficManagerId },
      ]);
      expect((await team.get('/audit-events')).body.items[0]).toMatchObject({
        action: 'preview.end',
        targetId: preview.id,
        actor: { kind: 'system', id: null },
        after: { reason: 'unused' },
      });
    },
  );

  it('refuses an idle time below the precision of recorded uses', async () => {
    const { items } = (await team.get('/intercepts')).body;
    const draft = { interceptId: items[0].id, ingress: { host: 'a', port: 80 } };
    for (const idleExpirySeconds of [1, 299, -1, 1.5, 1e9]) {
      expect((await team.post('/previews', { ...draft, idleExpirySeconds })).status).toBe(400);
    }
    expect((await team.post('/previews', { ...draft, idleExpirySeconds: 0 })).status).toBe(201);
  });
});
