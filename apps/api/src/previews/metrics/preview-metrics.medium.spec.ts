import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi, type TestTeam } from '../../spec/api-harness.js';
import { OldTraffic } from './old-traffic.js';

const MINUTE_MS = 60_000;

describe('metrics of previews', () => {
  let api: TestApi;
  let team: TestTeam;
  let previewId: string;

  beforeAll(async () => {
    api = await TestApi.start();
    team = await api.team('Shop');
    await team.trafficManager('cluster');
    const ingress = { host: 'web', port: 80 };
    previewId = (await team.post('/previews', { intercept: { name: 'a', workload: 'a' }, ingress })).body.id;
  });
  afterAll(() => api.close());

  const add = (minute: Date, requests: number) =>
    api.store.previewTraffic.add([
      {
        teamId: team.teamId,
        previewId,
        minute,
        requests,
        clientErrors: 1,
        serverErrors: 2,
        edgeErrors: 3,
        bytesIn: 4,
        bytesOut: 5,
        answers: requests,
        firstByteMsSum: 6,
        firstByteMsMax: 7,
      },
    ]);

  it('are series with a number for every minute, the current one last', async () => {
    // A minute that ends between two calls would shift the series.
    const now = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
    await add(new Date(now - 2 * MINUTE_MS), 9);
    const { body } = await team.get(`/previews/${previewId}/metrics?minutes=10`);
    expect(body.stepSeconds).toBe(60);
    const index = (now - 2 * MINUTE_MS - Date.parse(body.from)) / MINUTE_MS;
    expect(index).toBeGreaterThanOrEqual(6);
    const expected = Array.from({ length: 10 }, (_, i) => (i === index ? 9 : 0));
    expect(body.requests).toEqual(expected);
    expect([body.clientErrors[index], body.serverErrors[index], body.edgeErrors[index]]).toEqual([1, 2, 3]);
    expect([body.bytesIn[index], body.bytesOut[index], body.firstByteMsMax[index]]).toEqual([4, 5, 7]);
    const all = (await team.get('/preview-metrics')).body;
    expect(all).toMatchObject({ stepSeconds: 60, isComplete: true });
    expect(all.items).toHaveLength(1);
    expect(all.items[0].requests).toHaveLength(60);
    expect(Math.max(...all.items[0].errors)).toBe(6);
  });

  it('of a team have at most 60 steps, however long the time', async () => {
    const { body } = await team.get('/preview-metrics?minutes=1440');
    expect([body.stepSeconds, body.items[0].requests.length]).toEqual([1440, 60]);
    expect(body.items[0].requests.reduce((sum: number, count: number) => sum + count, 0)).toBe(9);
  });

  it('are refused for times that are not kept', async () => {
    for (const minutes of ['0', '1441', '1.5', 'x'])
      expect((await team.get(`/preview-metrics?minutes=${minutes}`)).status).toBe(400);
  });

  it('are removed after a day', async () => {
    const now = new Date();
    await add(new Date(now.getTime() - 25 * 60 * MINUTE_MS), 1);
    expect(await api.app.get(OldTraffic, { strict: false }).remove(now)).toBe(1);
  });
});
