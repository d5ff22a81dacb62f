import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateApiKeySecret, hashApiKeySecret, SCOPES } from '@culvert/domain';
import { createStore } from '@culvert/store';
import type { TestDatabase } from '@culvert/testkit';
import { createDatabase } from '../support/database.js';
import { type Deployment, type Preview, startDeployment, visit } from '../support/deployment.js';

/** Two teams on one server: neither can read, change or reach anything of the other. */
let database: TestDatabase;
let deployment: Deployment;
let service: http.Server;
let ours: Preview;
const theirKey = generateApiKeySecret();

beforeAll(async () => {
  database = await createDatabase();
  service = http.createServer((_request, response) => response.end('ours')).listen(0, '127.0.0.1');
  await once(service, 'listening');
  deployment = await startDeployment({ DATABASE_URL: database.url });
  const store = await createStore({ databaseUrl: database.url, dataDir: 'memory' });
  const team = await store.teams.create('Strangers');
  await store.apiKeys.create(team.id, {
    name: 'theirs',
    hint: 'cvt_',
    hash: hashApiKeySecret(theirKey),
    scopes: SCOPES,
    expiresAt: null,
  });
  await store.close();
  await deployment.startManager();
  ours = await deployment.createPreview((service.address() as AddressInfo).port, { access: 'team' });
});

afterAll(async () => {
  await deployment?.stop();
  service?.close();
  await database?.drop();
});

describe('the key of another team', () => {
  it('lists nothing of ours', async () => {
    for (const path of [
      '/api-keys',
      '/traffic-managers',
      '/sessions',
      '/intercepts',
      '/previews',
      '/audit-events',
    ]) {
      const { items } = await deployment.api<{ items: { teamId?: string; name?: string }[] }>(
        'GET',
        path,
        undefined,
        theirKey,
      );
      expect(items.filter(({ name }) => name !== 'theirs')).toEqual([]);
    }
  });

  it('can neither read, change nor remove our resources', async () => {
    const { items: keys } = await deployment.api<{ items: { id: string }[] }>('GET', '/api-keys');
    const { items: sessions } = await deployment.api<{ items: { id: string }[] }>('GET', '/sessions');
    const paths = [
      `/previews/${ours.id}`,
      `/intercepts/${encodeURIComponent(ours.interceptId)}`,
      `/traffic-managers/${ours.trafficManagerId}`,
      `/api-keys/${keys[0].id}`,
      `/sessions/${sessions[0].id}`,
    ];
    for (const path of paths) {
      expect((await deployment.apiStatus('GET', path, undefined, theirKey)).status).toBe(404);
      expect((await deployment.apiStatus('DELETE', path, undefined, theirKey)).status).toBe(404);
    }
    const patch = await deployment.apiStatus('PATCH', `/previews/${ours.id}`, { access: 'public' }, theirKey);
    expect(patch.status).toBe(404);
    expect((await visit(deployment.port, ours.hostname, '/')).status).toBe(401);
  });

  it('cannot create a preview that leads to our manager or our intercept', async () => {
    const ingress = { host: '127.0.0.1', port: 80, useTls: false };
    const intercept = { name: 'x', workload: 'x', namespace: 'x' };
    for (const body of [
      { trafficManagerId: ours.trafficManagerId, intercept, ingress },
      { interceptId: ours.interceptId, ingress },
    ]) {
      const answer = await deployment.apiStatus('POST', '/previews', body, theirKey);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
    }
  });

  it('does not open our private preview, which looks missing to it', async () => {
    const stranger = await visit(deployment.port, ours.hostname, '/', {
      headers: { 'x-ambassador-api-key': theirKey },
    });
    expect(stranger.status).toBe(404);
    const missing = await visit(deployment.port, 'missing.preview.localhost', '/', {
      headers: { 'x-ambassador-api-key': theirKey },
    });
    const told = ({ body }: typeof missing) => ({ ...JSON.parse(body.toString()), reference: '' });
    expect(told(stranger)).toEqual(told(missing));
  });

  it('gets a session of its own, even with the id of our manager', async () => {
    const theirs = await deployment.startManager({
      CULVERT_API_KEY: theirKey,
      CULVERT_MANAGER_ID: 'test-manager',
    });
    const seen = await deployment.api<{ items: { trafficManagerId: string }[] }>(
      'GET',
      '/sessions',
      undefined,
      theirKey,
    );
    expect(seen.items).toHaveLength(1);
    expect(seen.items[0].trafficManagerId).not.toBe(ours.trafficManagerId);
    const mine = await visit(deployment.port, ours.hostname, '/', {
      headers: { 'x-ambassador-api-key': deployment.apiKey },
    });
    expect(mine.body.toString()).toBe('ours');
    await theirs.stop();
  });
});
