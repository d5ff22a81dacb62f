/** One edge is cut off from Postgres, and everything else is not: keys are revoked, and the edge learns of it by Redis. */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { StallingProxy } from '@culvert/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDatabase } from '../support/database.js';
import { type Deployment, type Preview, visit } from '../support/deployment.js';
import { startProgram } from '../support/process.js';
import { type SplitDeployment, startSplit } from '../support/split-deployment.js';

let proxy: StallingProxy & { readonly url: string };
let split: SplitDeployment;
let deployment: Deployment;
let service: http.Server;
let preview: Preview;
let key: { readonly id: string; readonly key: string };

beforeAll(async () => {
  service = http.createServer((_request, response) => response.end('behind')).listen(0, '127.0.0.1');
  await once(service, 'listening');
  const database = await createDatabase();
  proxy = await StallingProxy.start(database.url);
  split = await startSplit({
    edges: 1,
    database,
    edgeEnv: { DATABASE_URL: proxy.url, MANAGER_WAIT_MS: '1000' },
  });
  ({ deployment } = split);
  key = await deployment.api('POST', '/api-keys', { name: 'cluster', scopes: ['tunnel'] });
});

afterAll(async () => {
  proxy?.resume();
  await split?.stop();
  service?.closeAllConnections();
  service?.close();
  await proxy?.stop();
});

const settings = () => ({
  CULVERT_URL: `http://127.0.0.1:${deployment.port}`,
  CULVERT_API_KEY: key.key,
  CULVERT_MANAGER_ID: 'known',
});
const startManager = () => deployment.startManager(settings());
const status = async () => (await visit(deployment.port, preview.hostname, '/')).status;

it('lets a known traffic manager reconnect, until its key is revoked', async () => {
  const first = await startManager();
  preview = await deployment.createPreview((service.address() as AddressInfo).port);
  expect(await status()).toBe(200);
  proxy.stall();
  first.kill('SIGKILL');
  await first.exited;
  const second = await startManager();
  expect(split.edges[0].stderr).toContain('tunnel accepted from memory');
  expect(await status()).toBe(200);

  await deployment.api('DELETE', `/api-keys/${key.id}`);
  const revokedAt = performance.now();
  await second.logged(/KEY_REVOKED/);
  expect(performance.now() - revokedAt).toBeLessThan(1000);
  expect(await status()).toBe(503);
  await second.stop();
  const third = startProgram('apps/traffic-manager/src/main.js', settings());
  await third.logged(/"status":503/);
  expect(await status()).toBe(503);
  proxy.resume();
  await third.logged(/does not accept the API key/);
  expect(await third.stop()).toBe(0);
  expect(third.stderr).not.toContain('"connected"');
});
