import { connectionEventPage, trafficManagerResource } from '@culvert/contract';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Metrics } from '@culvert/metrics';
import { ApiMeasures } from '../http/measures/api-measures.js';
import { TestApi, type TestTeam } from '../spec/api-harness.js';
import { OldRecords } from '../team/old-records.js';

describe('/api/v1/traffic-managers', () => {
  let api: TestApi;
  let team: TestTeam;

  beforeAll(async () => {
    api = await TestApi.start();
  });
  beforeEach(async () => {
    team = await api.team('Shop');
    api.bus.drain();
  });
  afterAll(() => api.close());

  it('registers a traffic manager before its first connection, which then uses it', async () => {
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

  it('refuses a manager id that the team has, but not one that another team has', async () => {
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

  it('defaults to the only cluster if none is named, however many workstations expose something', async () => {
    await team.trafficManager('workstation/5f0c/localhost-3000');
    const intercept = { name: 'web', workload: 'web' };
    const without = await team.post('/intercepts', intercept);
    expect([without.status, without.body.code]).toEqual([422, 'traffic_manager_required']);
    const cluster = await team.trafficManager('cluster');
    await team.trafficManager('workstation/5f0c/localhost-3001');
    expect((await team.post('/intercepts', intercept)).body).toMatchObject({ trafficManagerId: cluster });
    await team.trafficManager('another-cluster');
    expect((await team.post('/intercepts', intercept)).body.code).toBe('traffic_manager_required');
  });

  it('renames a traffic manager', async () => {
    const id = await team.trafficManager('staging');
    expect((await team.patch(`/traffic-managers/${id}`, { name: 'Staging EU' })).body.name).toBe(
      'Staging EU',
    );
    expect((await team.get(`/traffic-managers/${id}`)).body.name).toBe('Staging EU');
    expect((await team.patch(`/traffic-managers/${id}`, { managerId: 'x' })).status).toBe(400);
    expect((await team.patch('/traffic-managers/nothing', { name: 'x' })).status).toBe(404);
  });

  it('deletes a traffic manager with everything that belongs to it, and notifies the edges', async () => {
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
    api.bus.drain();

    expect((await team.delete(`/traffic-managers/${id}`)).status).toBe(204);
    const events = api.bus.drain();
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

  describe('connections', () => {
    it('are listed newest first, in pages, with the reason of each end', async () => {
      const { id, trafficManagerId } = await team.session('staging');
      await append(trafficManagerId, id, [1, 2, 3]);
      await team.delete(`/sessions/${id}`);
      const first = await team.get(`/traffic-managers/${trafficManagerId}/connections?limit=2`);
      const { items, nextCursor } = connectionEventPage.parse(first.body);
      expect(items).toMatchObject([
        { change: 'ended', reason: 'session_ended', detail: 'ended through the API', sessionId: id },
        { change: 'connected', reason: null, detail: '3', trafficManagerId },
      ]);
      const rest = await team.get(
        `/traffic-managers/${trafficManagerId}/connections?limit=2&cursor=${encodeURIComponent(nextCursor!)}`,
      );
      expect(rest.body).toMatchObject({ items: [{ detail: '2' }, { detail: '1' }], nextCursor: null });
    });

    it('are not found for a traffic manager that the team does not have', async () => {
      const { trafficManagerId } = await team.session('staging');
      const other = await api.team('Other');
      expect((await other.get(`/traffic-managers/${trafficManagerId}/connections`)).status).toBe(404);
      expect((await team.get('/traffic-managers/nothing/connections')).status).toBe(404);
    });

    it('are removed after the configured time, however many there are', async () => {
      const { id, trafficManagerId } = await team.session('staging');
      await append(
        trafficManagerId,
        id,
        Array.from({ length: 2500 }, (_, second) => second),
      );
      const sweep = new OldRecords(
        api.store,
        { retention: { connectionEventsMs: 1000, auditEventsMs: 0, sessionsMs: 0, credentialsMs: 0 } },
        pino({ enabled: false }),
        new ApiMeasures(new Metrics({ program: 'test', version: '0' })),
      );
      // All except those of the last second.
      expect(await sweep.remove(moment(2500))).toBeGreaterThanOrEqual(2499);
      const left = await team.get(`/traffic-managers/${trafficManagerId}/connections`);
      expect(left.body.items).toMatchObject([{ detail: '2499' }]);
    });

    const moment = (second: number) => new Date(Date.UTC(2001, 0, 1, 0, 0, second));
    const append = (trafficManagerId: string, sessionId: string, seconds: readonly number[]) =>
      api.store.connectionEvents.append(
        seconds.map((second) => ({
          teamId: team.teamId,
          trafficManagerId,
          sessionId,
          at: moment(second),
          change: 'connected',
          kind: 'native',
          edgeId: 'edge-1',
          remoteAddress: '192.0.2.1',
          version: '0.1.0',
          reason: null,
          detail: String(second),
          omittedBefore: 0,
        })),
      );
  });
});
