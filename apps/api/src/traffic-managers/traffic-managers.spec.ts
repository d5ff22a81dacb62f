import { trafficManagerResource } from '@culvert/contract';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestApi, type TestTeam } from '../testing/api-harness.js';

describe('/api/v1/traffic-managers', () => {
  let api: TestApi;
  let team: TestTeam;

  beforeAll(async () => {
    api = await TestApi.start();
  });
  beforeEach(async () => {
    team = await api.team('Shop');
    api.bus.take();
  });
  afterAll(() => api.close());

  it('registers one ahead of its first connection, which then uses it', async () => {
    const response = await team.post('/traffic-managers', {
      managerId: 'staging',
      name: 'Staging',
      clusterId: 'c1',
    });
    expect(response.status).toBe(201);
    const trafficManager = trafficManagerResource.parse(response.body);
    expect(trafficManager).toMatchObject({
      managerId: 'staging',
      name: 'Staging',
      clusterId: 'c1',
      version: '',
      lastSeenAt: null,
    });
    expect((await team.session('staging')).trafficManagerId).toBe(trafficManager.id);
    const shown = await team.get(`/traffic-managers/${trafficManager.id}`);
    expect(trafficManagerResource.parse(shown.body)).toMatchObject({
      id: trafficManager.id,
      version: '0.1.0',
    });
  });

  it('refuses a manager id that the team has, not one that another team has', async () => {
    await team.trafficManager('staging');
    const taken = await team.post('/traffic-managers', { managerId: 'staging' });
    expect([taken.status, taken.body.code]).toEqual([409, 'manager_id_taken']);
    const other = await api.team('Other');
    expect((await other.post('/traffic-managers', { managerId: 'staging' })).status).toBe(201);
  });

  it('lists newest first', async () => {
    const first = await team.trafficManager('a');
    const second = await team.trafficManager('b');
    const { items, nextCursor } = (await team.get('/traffic-managers?limit=1')).body;
    expect(items.map(({ id }: { id: string }) => id)).toEqual([second]);
    const rest = (await team.get(`/traffic-managers?limit=1&cursor=${encodeURIComponent(nextCursor)}`)).body;
    expect(rest).toMatchObject({ items: [{ id: first }], nextCursor: null });
  });

  it('renames', async () => {
    const id = await team.trafficManager('staging');
    expect((await team.patch(`/traffic-managers/${id}`, { name: 'Staging EU' })).body.name).toBe(
      'Staging EU',
    );
    expect((await team.get(`/traffic-managers/${id}`)).body.name).toBe('Staging EU');
    expect((await team.patch(`/traffic-managers/${id}`, { managerId: 'x' })).status).toBe(400);
    expect((await team.patch('/traffic-managers/nothing', { name: 'x' })).status).toBe(404);
  });

  it('deletes with everything that hangs on it, and tells the edges', async () => {
    const session = await team.session('staging');
    const telepresence = await team.session('staging', 'telepresence');
    const ended = await team.session('production');
    const id = session.trafficManagerId;
    const preview = (
      await team.post('/previews', {
        trafficManagerId: id,
        intercept: { name: 'checkout', workload: 'checkout' },
        ingress: { host: 'checkout', port: 80 },
      })
    ).body;
    api.bus.take();

    expect((await team.delete(`/traffic-managers/${id}`)).status).toBe(204);
    const events = api.bus.take();
    expect(events).toHaveLength(3);
    expect(events).toEqual(
      expect.arrayContaining([
        { type: 'preview.changed', hostname: preview.hostname },
        { type: 'session.ended', sessionId: session.id, reason: expect.any(String) },
        { type: 'session.ended', sessionId: telepresence.id, reason: expect.any(String) },
      ]),
    );
    for (const path of [
      `/traffic-managers/${id}`,
      `/sessions/${session.id}`,
      `/intercepts/${preview.interceptId}`,
      `/previews/${preview.id}`,
    ]) {
      expect((await team.get(path)).status).toBe(404);
    }
    expect((await team.get(`/sessions/${ended.id}`)).status).toBe(200);
    expect((await team.delete(`/traffic-managers/${id}`)).status).toBe(404);
  });
});
