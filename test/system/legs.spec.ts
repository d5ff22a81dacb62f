/** Traffic managers that keep tunnels to several edges behind one address: three edges, an API, and a balancer for TCP. */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { API_KEY, type Preview, visit } from '../support/deployment.js';
import { type Program, startProgram } from '../support/process.js';
import { type SplitDeployment, startSplit } from '../support/split-deployment.js';
import { TcpBalancer } from '../support/tcp-balancer.js';

/** A log line of a tunnel: `tunnels` of the manager are open. */
const opened = (tunnels: number) => new RegExp(`"tunnels":${tunnels},.*"msg":"connected"`);

let service: http.Server;
let split: SplitDeployment;
let balancer: TcpBalancer;
let manager: Program;
let preview: Preview;

beforeAll(async () => {
  service = http.createServer((_request, response) => response.end('behind'));
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  split = await startSplit({ edges: 3 });
  const [a, b] = split.ports;
  balancer = await TcpBalancer.start([a, b]);
  manager = await split.deployment.startManager({
    CULVERT_URL: balancer.url,
    CULVERT_MANAGER_ID: 'legs',
    CULVERT_CLUSTER_ID: 'east',
  });
  await manager.logged(opened(2));
  preview = await split.deployment.createPreview((service.address() as AddressInfo).port);
});

afterAll(async () => {
  await split?.stop();
  await balancer?.stop();
  service?.close();
});

/** Visits the preview through edge `at`: its status, and how long it took. */
async function visitAt(at: number): Promise<{ status: number; ms: number }> {
  const begun = performance.now();
  const { status } = await visit(split.ports[at], preview.hostname, '/');
  return { status, ms: performance.now() - begun };
}

/** Ids of the edges whose tunnels opened, in order. */
const edgesOf = (log: string) =>
  [...log.matchAll(/"edgeId":"([^"]+)".*"msg":"connected"/g)].map(([, edgeId]) => edgeId);

describe('a traffic manager behind a balancer', () => {
  it('keeps a tunnel to each of two edges', async () => {
    expect(new Set(edgesOf(manager.stderr)).size).toBe(2);
    expect((await visitAt(0)).status).toBe(200);
    expect((await visitAt(1)).status).toBe(200);
  });

  it('keeps out a traffic manager of another cluster with the same id, and names both', async () => {
    balancer.targets = split.ports.slice(0, 2);
    const stranger = startProgram('apps/traffic-manager/src/main.js', {
      // The second edge knows of the first tunnel only by the store.
      CULVERT_URL: `http://127.0.0.1:${split.ports[2]}`,
      CULVERT_API_KEY: API_KEY,
      CULVERT_MANAGER_ID: 'legs',
      CULVERT_MANAGER_NAME: 'stranger',
      CULVERT_CLUSTER_ID: 'west',
    });
    try {
      const [, reason] = await stranger.logged(/"code":"MANAGER_ID_TAKEN","reason":"(.*)","msg"/);
      for (const part of ['east', '127.0.0.1', 'CULVERT_MANAGER_ID']) expect(reason).toContain(part);
      await stranger.logged(/"clusterId":"west",.*another cluster has this manager id/);
      await split.edges[2].logged(
        /"refused":\{"clusterId":"west","name":"stranger".*traffic manager refused/,
      );
      await expect
        .poll(() => split.deployment.api('GET', '/audit-events?action=traffic-manager.refuse'), {
          timeout: 10_000,
        })
        .toMatchObject({
          items: [
            {
              action: 'traffic-manager.refuse',
              before: { managerId: 'legs', clusterId: 'east' },
              after: { clusterId: 'west', name: 'stranger', remoteAddress: '127.0.0.1' },
            },
          ],
        });
      expect((await visitAt(0)).status).toBe(200);
    } finally {
      await stranger.stop();
    }
  });

  it('moves the tunnel of an edge that stops to another one', async () => {
    const [, b, c] = split.ports;
    balancer.targets = [b, c];
    const before = edgesOf(manager.stderr).length;
    split.edges[0].kill('SIGTERM');
    // The balancer may try the edge of the other tunnel first, which refuses: then the manager dials again within seconds.
    await expect.poll(() => edgesOf(manager.stderr).length, { timeout: 20_000 }).toBe(before + 1);
    expect(new Set(edgesOf(manager.stderr)).size).toBe(3);
    await split.edges[0].exited;
    expect((await visitAt(1)).status).toBe(200);
    expect((await visitAt(2)).status).toBe(200);
  });

  it('is served by the other edge at once when one is killed', async () => {
    balancer.targets = [split.ports[2]];
    split.edges[1].kill('SIGKILL');
    await split.edges[1].exited;
    const { status, ms } = await visitAt(2);
    expect(status).toBe(200);
    expect(ms).toBeLessThan(1000);
    // The remaining tunnel is left as it is while the balancer knows only its edge.
    await manager.logged(/"tunnels":1,"code":"CONNECTION_LOST"/);
    expect((await visitAt(2)).status).toBe(200);
  });
});
