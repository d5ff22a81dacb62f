/** A traffic manager that a new process with the same id replaces. As in a rolling update, the new one starts first. */
import http from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClusterManager, draftOf, startClient, startClusterManager } from '../support/cluster.js';
import { API_KEY, type Deployment, startDeployment, visit } from '../support/deployment.js';
import { TcpBalancer } from '../support/tcp-balancer.js';

let service: http.Server;
let deployment: Deployment;

beforeAll(async () => {
  service = http.createServer((_request, response) => response.end('served'));
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  // A request that finds no traffic manager fails at once.
  deployment = await startDeployment({ MANAGER_WAIT_MS: '0' });
});

afterAll(async () => {
  await deployment?.stop();
  service?.close();
});

function startManager(): Promise<ClusterManager> {
  return startClusterManager({
    CULVERT_URL: `http://127.0.0.1:${deployment.port}`,
    CULVERT_API_KEY: API_KEY,
    CULVERT_MANAGER_ID: 'replaced',
  });
}

const portOf = ({ url }: ClusterManager): number => Number(new URL(url).port);

describe('a traffic manager in a rolling update', () => {
  it('serves every request, and keeps the intercepts of its clients', async () => {
    const old = await startManager();
    await old.program.logged(/"msg":"connected"/);
    // What the Service of the cluster does.
    const meetingPoint = await TcpBalancer.start([portOf(old)]);
    const client = startClient(meetingPoint.url, 'alice');
    const { port } = service.address() as AddressInfo;
    await client.create(draftOf([{ name: 'x-user', value: 'alice' }]), { host: '127.0.0.1', port });
    const intercepts = async () =>
      (await deployment.api<{ items: { id: string }[] }>('GET', '/intercepts')).items;
    await expect.poll(intercepts).toHaveLength(1);
    const [intercept] = await intercepts();
    const preview = await deployment.createPreview(port, {
      intercept: { name: 'web', workload: 'web', namespace: 'shop' },
    });

    const statuses: number[] = [];
    let isOver = false;
    const visiting = (async () => {
      while (!isOver) statuses.push((await visit(deployment.port, preview.hostname, '/')).status);
    })();
    const next = await startManager();
    await next.program.logged(/"msg":"connected"/);
    meetingPoint.targets = [portOf(next)];
    expect(await old.program.stop()).toBe(0);
    await expect.poll(async () => (await client.list()).intercepts.length).toBe(1);
    const before = statuses.length;
    await expect.poll(() => statuses.length).toBeGreaterThan(before + 50);
    isOver = true;
    await visiting;

    expect(new Set(statuses)).toEqual(new Set([200]));
    expect((await intercepts()).map(({ id }) => id)).toContain(intercept?.id);
    client.close();
    await meetingPoint.stop();
    await next.program.stop();
    await expect.poll(async () => (await visit(deployment.port, preview.hostname, '/')).status).toBe(503);
  });
});
