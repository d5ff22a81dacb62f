import { afterEach, describe, expect, it } from 'vitest';
import { startRig, type Rig } from '../spec/relay-rig.js';

describe('the traffic of a route', () => {
  let rig: Rig;
  afterEach(async () => rig.stop());

  const take = () => rig.relay.drainTraffic();

  it('counts requests, answers by their status, and bytes both ways', async () => {
    rig = await startRig((request, response) => {
      request.resume();
      response.statusCode = Number(request.url?.slice(1));
      response.end('answer');
    });
    for (const status of [200, 200, 404, 503])
      await rig.fetch(`/${status}`, { method: 'POST', body: 'x'.repeat(1000) });
    const [traffic, ...others] = take();
    expect(others).toEqual([]);
    expect(traffic).toMatchObject({
      teamId: 't1',
      previewId: 'p1',
      requests: 4,
      answers: 4,
      clientErrors: 1,
      serverErrors: 1,
      edgeErrors: 0,
    });
    expect(traffic.bytesIn).toBeGreaterThan(4000);
    expect(traffic.bytesOut).toBeGreaterThan(4 * 'answer'.length);
    expect(traffic.firstByteMsSum).toBeGreaterThanOrEqual(traffic.firstByteMsMax);
    expect(traffic.firstByteMsMax).toBeGreaterThan(0);
    expect(take()).toEqual([]);
  });

  it('counts answers of the relay instead of the service, and refusals behind the gate', async () => {
    rig = await startRig((_request, response) => response.end(), {
      limits: {
        managerWaitMs: 0,
        maxRequestsPerTeam: 2,
      },
    });
    rig.disconnect();
    const statuses = [await rig.fetch('/'), await rig.fetch('/'), await rig.fetch('/')].map(
      ({ status }) => status,
    );
    expect(statuses).toEqual([503, 503, 429]);
    expect(take()).toMatchObject([{ requests: 3, edgeErrors: 3, answers: 0 }]);
  });

  it('is kept when the relay forgets a route that is not in use', async () => {
    rig = await startRig((_request, response) => response.end());
    await rig.fetch('/');
    rig.relay.drainUsedPreviews();
    await rig.fetch('/');
    const taken = take();
    expect(taken.map(({ requests }) => requests)).toEqual([1, 1]);
  });
});
