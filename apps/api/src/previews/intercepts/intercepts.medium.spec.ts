import { interceptResource } from '@culvert/contract';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestApi, type TestTeam } from '../../spec/api-harness.js';

const description = { name: 'checkout', workload: 'checkout', namespace: 'shop' };

describe('/api/v1/intercepts', () => {
  let api: TestApi;
  let team: TestTeam;
  let trafficManagerId: string;

  beforeAll(async () => {
    api = await TestApi.start();
  });
  beforeEach(async () => {
    team = await api.team('Shop');
    trafficManagerId = await team.trafficManager('staging');
    api.bus.drain();
  });
  afterAll(() => api.close());

  const preview = async (interceptId: string) =>
    (await team.post('/previews', { interceptId, ingress: { host: 'checkout', port: 80 } })).body;

  it('creates an intercept at the only traffic manager', async () => {
    const response = await team.post('/intercepts', description);
    expect(response.status).toBe(201);
    const intercept = interceptResource.parse(response.body);
    expect(intercept).toMatchObject({ ...description, trafficManagerId, disposition: 'UNSPECIFIED' });
    expect(intercept.id).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}:checkout$/,
    );
    expect((await team.get(`/intercepts/${encodeURIComponent(intercept.id)}`)).body).toEqual(response.body);
  });

  it('keeps every field that was given', async () => {
    const given = {
      ...description,
      trafficManagerId,
      client: 'ann@laptop',
      workloadKind: 'StatefulSet',
      mechanism: 'http',
      mechanismArgs: ['--match', 'x-user=ann'],
      targetHost: '127.0.0.1',
      targetPort: 8080,
      serviceName: 'checkout',
      servicePortIdentifier: 'http',
      disposition: 'ACTIVE',
      message: 'Größe: ✓',
      metadata: { branch: 'feature/basket' },
    };
    expect((await team.post('/intercepts', given)).body).toMatchObject(given);
  });

  it('requires a traffic manager unless there is exactly one', async () => {
    const other = await team.trafficManager('production');
    const ambiguous = await team.post('/intercepts', description);
    expect([ambiguous.status, ambiguous.body.code]).toEqual([422, 'traffic_manager_required']);
    expect((await team.post('/intercepts', { ...description, trafficManagerId: other })).status).toBe(201);
    expect((await team.post('/intercepts', { ...description, trafficManagerId: 'nothing' })).status).toBe(
      404,
    );
  });

  it('lists intercepts by traffic manager', async () => {
    const other = await team.trafficManager('production');
    const a = (await team.post('/intercepts', { ...description, trafficManagerId })).body;
    const b = (await team.post('/intercepts', { ...description, trafficManagerId: other })).body;
    const ids = async (query: string) =>
      (await team.get(`/intercepts${query}`)).body.items.map(({ id }: { id: string }) => id);
    expect(await ids('')).toEqual([b.id, a.id]);
    expect(await ids(`?trafficManagerId=${other}`)).toEqual([b.id]);
  });

  it('changes fields, and notifies the edges of every preview', async () => {
    const { id } = (await team.post('/intercepts', description)).body;
    const hostnames: string[] = [(await preview(id)).hostname, (await preview(id)).hostname];
    api.bus.drain();
    const response = await team.patch(`/intercepts/${id}`, {
      disposition: 'ACTIVE',
      metadata: {},
      client: 'ann@laptop',
    });
    expect([response.status, response.body.disposition, response.body.client]).toEqual([
      200,
      'ACTIVE',
      'ann@laptop',
    ]);
    expect((await team.get(`/intercepts/${id}`)).body).toEqual(response.body);
    const told = api.bus
      .drain()
      .map((event) => (event.type === 'preview.changed' ? event.hostname : event.type));
    expect(told.toSorted()).toEqual(hostnames.toSorted());
    expect((await team.patch(`/intercepts/${id}`, { name: 'other' })).status).toBe(400);
    expect((await team.patch('/intercepts/nothing:here', { client: 'x' })).status).toBe(404);
  });

  it('deletes an intercept with its previews', async () => {
    const { id } = (await team.post('/intercepts', description)).body;
    const { id: previewId, hostname } = await preview(id);
    api.bus.drain();
    expect((await team.delete(`/intercepts/${id}`)).status).toBe(204);
    expect(api.bus.drain()).toMatchObject([
      { type: 'preview.changed', hostname },
      { type: 'preview.removed', hostname, interceptId: id },
    ]);
    expect((await team.get(`/intercepts/${id}`)).status).toBe(404);
    expect((await team.get(`/previews/${previewId}`)).status).toBe(404);
    expect((await team.delete(`/intercepts/${id}`)).status).toBe(404);
  });
});
