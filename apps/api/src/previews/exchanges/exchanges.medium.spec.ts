import { bodiesTopic, exchangesTopic, watcherTopic, type ClusterEvent } from '@culvert/events';
import { EventReader } from '@culvert/testkit';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestApi, type TestTeam } from '../../spec/api-harness.js';

type Watched = Extract<ClusterEvent, { type: 'preview.watched' }>;

describe('the stream of exchanges', () => {
  let api: TestApi;
  let port: number;
  let team: TestTeam;
  let count = 0;
  const readers: EventReader[] = [];

  beforeAll(async () => {
    api = await TestApi.start();
    port = (api.app.getHttpServer().address() as AddressInfo).port;
    team = await api.team('Shop');
    await team.trafficManager('cluster');
  });
  afterEach(() => {
    for (const reader of readers.splice(0)) reader.close();
  });
  afterAll(() => api.close());

  const newPreview = async () =>
    (
      await team.post('/previews', {
        intercept: { name: `intercept-${++count}`, workload: 'web' },
        ingress: { host: 'web', port: 80 },
      })
    ).body as { id: string; interceptId: string };
  const open = async (id: string, secret = team.secret, query = '') => {
    const reader = await EventReader.open(
      `http://127.0.0.1:${port}/api/v1/previews/${id}/exchanges${query}`,
      {
        authorization: `Bearer ${secret}`,
      },
    );
    readers.push(reader);
    return reader;
  };
  const watches = (id: string) =>
    api.bus.published.filter(
      (event): event is Watched => event.type === 'preview.watched' && event.previewId === id,
    );

  it('makes edges report on a preview, forwards their reports, and stops them when it ends', async () => {
    const { id } = await newPreview();
    const reader = await open(id);
    await reader.next('ready');
    const [{ watcherId, phase, captures, teamId }] = watches(id);
    expect([phase, captures, teamId]).toEqual(['start', 'heads', team.teamId]);
    api.bus.send(watcherTopic(watcherId), 'e{"id":"1"}\nb{"id":"1"}');
    api.bus.send(exchangesTopic(teamId, id), 'e{"id":"2","target":"/<b>"}\no7\nz{"newer":true}');
    expect((await reader.next('exchange')).data).toEqual({ id: '1' });
    expect((await reader.next('bodies')).data).toEqual({ id: '1' });
    expect((await reader.next('exchange')).data).toEqual({ id: '2', target: '/<b>' });
    expect((await reader.next('omitted')).data).toEqual({ count: 7 });
    reader.close();
    await expect.poll(() => watches(id).at(-1)).toMatchObject({ watcherId, phase: 'stop' });
  });

  it('forwards bodies only to readers who asked for them, which needs permission to change the preview', async () => {
    const { id } = await newPreview();
    const plain = await open(id);
    await plain.next('ready');
    const capturing = await open(id, team.secret, '?captureBodies=true');
    await capturing.next('ready');
    expect(watches(id).at(-1)).toMatchObject({ captures: 'bodies' });
    api.bus.send(bodiesTopic(team.teamId, id), 'b{"id":"1"}');
    api.bus.send(exchangesTopic(team.teamId, id), 'e{"id":"1"}');
    expect((await capturing.next('bodies')).data).toEqual({ id: '1' });
    await plain.next('exchange');
    expect(plain.pending).toEqual([]);
    const reading = await team.keyWith({ scopes: ['previews:read'] });
    expect((await open(id, reading.secret, '?captureBodies=true')).status).toBe(403);
    expect((await open(id, reading.secret)).status).toBe(200);
    expect((await open(id, team.secret, '?captureBodies=yes')).status).toBe(400);
  });

  it('shows nothing of other teams', async () => {
    const { id } = await newPreview();
    const other = await api.team('Other');
    expect((await open(id, other.secret)).status).toBe(404);
    expect((await open('nothing')).status).toBe(404);
    expect(watches(id)).toEqual([]);
  });

  it('starts again if messages between processes may have been lost', async () => {
    const { id } = await newPreview();
    const reader = await open(id);
    await reader.next('ready');
    api.bus.lose();
    expect((await reader.next('reset')).data).toEqual({});
    expect(watches(id).map(({ phase }) => phase)).toEqual(['start', 'start']);
  });

  it.each([
    ['it is removed', ({ id }: { id: string }) => team.delete(`/previews/${id}`), 'gone'],
    [
      'its intercept is removed',
      ({ interceptId }: { interceptId: string }) =>
        team.delete(`/intercepts/${encodeURIComponent(interceptId)}`),
      'gone',
    ],
  ] as const)('of a preview ends when %s', async (_when, cut, reason) => {
    const preview = await newPreview();
    const reader = await open(preview.id);
    await reader.next('ready');
    expect((await cut(preview)).status).toBe(204);
    expect((await reader.next('end')).data).toEqual({ reason });
  });

  it('ends with the key that reads it', async () => {
    const { id } = await newPreview();
    const key = await team.keyWith({});
    const reader = await open(id, key.secret);
    await reader.next('ready');
    await team.delete(`/api-keys/${key.apiKey.id}`);
    expect((await reader.next('end')).data).toEqual({ reason: 'access_ended' });
    await expect.poll(() => watches(id).at(-1)?.phase).toBe('stop');
  });
});
