import { sessionResource } from '@culvert/contract';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestApi, type TestTeam } from '../../spec/api-harness.js';

describe('/api/v1/sessions', () => {
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

  it('shows a session', async () => {
    const { id, trafficManagerId } = await team.session('staging');
    expect(sessionResource.parse((await team.get(`/sessions/${id}`)).body)).toMatchObject({
      id,
      trafficManagerId,
      kind: 'native',
      state: 'connected',
      apiKeyId: team.apiKey.id,
      programId: null,
      userId: null,
      edgeId: 'edge-1',
      version: '0.1.0',
      endedAt: null,
    });
    expect((await team.get('/sessions/nothing')).status).toBe(404);
  });

  it('shows each open tunnel with its edge, and their sums', async () => {
    const { id } = await team.session('staging');
    await team.session('staging');
    const { body } = await team.get(`/sessions/${id}`);
    const { tunnels } = sessionResource.parse(body);
    await api.store.tunnels.report(
      tunnels.map((tunnel) => ({
        id: tunnel.id,
        streamCount: 2,
        roundTripMs: 1.5,
        receivedBytes: 10,
        sentBytes: 20,
      })),
      new Date(),
    );
    const load = { streamCount: 2, roundTripMs: 1.5, receivedBytes: 10, sentBytes: 20 };
    const shown = {
      tunnelCount: 2,
      streamCount: 4,
      roundTripMs: 1.5,
      receivedBytes: 20,
      sentBytes: 40,
      tunnels: [1, 2].map(() => ({ ...load, edgeId: 'edge-1', remoteAddress: '192.0.2.1', kind: 'native' })),
    };
    expect(sessionResource.parse((await team.get(`/sessions/${id}`)).body)).toMatchObject(shown);
    expect((await team.get('/sessions')).body.items).toMatchObject([shown]);
  });

  it('lists by traffic manager and state', async () => {
    const a = await team.session('a');
    const b = await team.session('b');
    await team.delete(`/sessions/${b.id}`);
    const ids = async (query: string) =>
      (await team.get(`/sessions${query}`)).body.items.map(({ id }: { id: string }) => id);
    expect(await ids('')).toEqual([b.id, a.id]);
    expect(await ids('?state=ended')).toEqual([b.id]);
    expect(await ids('?state=connected')).toEqual([a.id]);
    expect(await ids(`?trafficManagerId=${a.trafficManagerId}`)).toEqual([a.id]);
    expect(await ids(`?trafficManagerId=${a.trafficManagerId}&state=ended`)).toEqual([]);
    expect((await team.get('/sessions?state=lost')).status).toBe(400);
  });

  it('ends a session for good and notifies the edges once', async () => {
    const session = await team.session('staging');
    expect((await team.delete(`/sessions/${session.id}`)).status).toBe(204);
    const ended = { type: 'session.ended', sessionId: session.id, reason: 'ended through the API' };
    expect(api.bus.drain()).toEqual([ended]);
    expect((await team.get(`/sessions/${session.id}`)).body).toMatchObject({
      state: 'ended',
      endReason: 'ended through the API',
    });
    expect((await team.session('staging')).id).not.toBe(session.id);
    api.bus.drain();
    expect((await team.delete(`/sessions/${session.id}`)).status).toBe(204);
    expect(api.bus.drain()).toEqual([]);
    expect((await team.get('/audit-events')).body.items).toHaveLength(1);
    expect((await team.delete('/sessions/nothing')).status).toBe(404);
  });

  it('does not let callers create or change a session', async () => {
    const { id } = await team.session('staging');
    const create = await team.post('/sessions', {});
    expect([create.status, create.body.code, create.headers['allow']]).toEqual([
      405,
      'method_not_allowed',
      'GET, HEAD',
    ]);
    const change = await team.patch(`/sessions/${id}`, {});
    expect([change.status, change.headers['allow']]).toEqual([405, 'DELETE, GET, HEAD']);
  });
});
