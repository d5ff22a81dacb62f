import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '@culvert/testkit';
import { API_KEY, type Deployment, deploymentOf, type Preview, visit } from '../support/deployment.js';
import { freePort } from '../support/network.js';
import { type Program, startProgram } from '../support/process.js';

/** Edge and API as separate processes, on Postgres and Redis, as docker-compose.yml runs them. */
let database: TestDatabase;
let api: Program;
let edge: Program;
let deployment: Deployment;
let service: http.Server;
let preview: Preview;

beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  service = http.createServer((_request, response) => response.end('behind')).listen(0, '127.0.0.1');
  await once(service, 'listening');
  const [apiPort, edgePort] = [await freePort(), await freePort()];
  const shared = {
    DATABASE_URL: database.url,
    REDIS_URL: inject('redisUrl'),
    APP_HOST: `localhost:${edgePort}`,
    ADMIN_PORT: '0',
  };
  // Both at once: the first one applies the migrations.
  api = startProgram('apps/api/src/main.js', {
    ...shared,
    PORT: String(apiPort),
    CULVERT_BOOTSTRAP_API_KEY: API_KEY,
  });
  edge = startProgram('apps/edge/src/main.js', {
    ...shared,
    PORT: String(edgePort),
    API_UPSTREAM_URL: `http://127.0.0.1:${apiPort}`,
  });
  await Promise.all([api.line(/^API key/m), edge.logged(/"serving"/)]);
  deployment = deploymentOf(edge, edgePort);
  await deployment.startManager();
  preview = await deployment.createPreview((service.address() as AddressInfo).port);
});

afterAll(async () => {
  await deployment?.stop();
  await api?.stop();
  service?.closeAllConnections();
  service?.close();
  await database?.drop();
});

describe('an edge with the API in another process', () => {
  it('serves API and previews on its one port', async () => {
    expect((await visit(deployment.port, preview.hostname, '/')).body.toString()).toBe('behind');
    const openApi = await fetch(`http://127.0.0.1:${deployment.port}/api/openapi.json`);
    expect(openApi.status).toBe(200);
  });

  it('receives changes from the API process within a second', async () => {
    expect((await visit(deployment.port, preview.hostname, '/')).status).toBe(200);
    await deployment.api('PATCH', `/previews/${preview.id}`, { access: 'team' });
    await expect
      .poll(async () => (await visit(deployment.port, preview.hostname, '/')).status, {
        timeout: 1000,
        interval: 20,
      })
      .toBe(401);
    await deployment.api('PATCH', `/previews/${preview.id}`, { access: 'public' });
    await expect
      .poll(async () => (await visit(deployment.port, preview.hostname, '/')).status, {
        timeout: 1000,
        interval: 20,
      })
      .toBe(200);
  });

  it('ends the tunnels of a key that the API process revokes', async () => {
    const key = await deployment.api<{ id: string; key: string }>('POST', '/api-keys', { name: 'second' });
    const manager = await deployment.startManager({ CULVERT_API_KEY: key.key, CULVERT_MANAGER_ID: 'second' });
    const closed = edge.logged(/API key is no longer valid/);
    await deployment.api('DELETE', `/api-keys/${key.id}`);
    await expect(closed).resolves.toBeTruthy();
    await manager.stop();
  });

  it('answers for the API while the API is down, and still serves previews', async () => {
    await api.stop();
    const answer = await fetch(`http://127.0.0.1:${deployment.port}/api/v1/me`);
    expect(answer.status).toBe(502);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect((await visit(deployment.port, preview.hostname, '/')).body.toString()).toBe('behind');
  });
});
