import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { SCOPES, generateApiKeySecret, hashApiKeySecret } from '@culvert/domain';
import { createStore } from '@culvert/store';
import type { TestDatabase } from '@culvert/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../support/database.js';
import { type Deployment, type Preview, startDeployment, visit } from '../support/deployment.js';

/** Two teams on one edge, one of which gets more requests than its limit. */
const PER_MINUTE = 20;
let database: TestDatabase;
let deployment: Deployment;
let service: http.Server;
let flooded: Preview[];
let calm: Preview;
let served = 0;

beforeAll(async () => {
  database = await createDatabase();
  service = http.createServer((_request, response) => {
    served++;
    response.end('ok');
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  deployment = await startDeployment({
    DATABASE_URL: database.url,
    MAX_PREVIEW_REQUESTS_PER_TEAM: String(PER_MINUTE),
  });
  const calmKey = generateApiKeySecret();
  const store = await createStore({ databaseUrl: database.url, dataDir: 'memory' });
  const team = await store.teams.create('Calm');
  await store.apiKeys.create(team.id, {
    name: 'calm',
    hint: 'cvt_',
    hash: hashApiKeySecret(calmKey),
    scopes: SCOPES,
    expiresAt: null,
  });
  await store.close();
  await deployment.startManager();
  await deployment.startManager({ CULVERT_API_KEY: calmKey, CULVERT_MANAGER_ID: 'calm' });
  const { port } = service.address() as AddressInfo;
  flooded = [await deployment.createPreview(port), await deployment.createPreview(port)];
  calm = await deployment.api(
    'POST',
    '/previews',
    {
      intercept: { name: 'web', workload: 'web', namespace: 'default' },
      ingress: { host: '127.0.0.1', port, useTls: false, l5Host: 'web.internal' },
      access: 'public',
    },
    calmKey,
  );
});

afterAll(async () => {
  await deployment?.stop();
  service?.close();
  await database?.drop();
});

describe('the limit of requests of a team', () => {
  it('applies to the team that a flood is sent to, and does not affect another team', async () => {
    const from = performance.now();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    const flood = await Promise.all(
      Array.from({ length: 8 * PER_MINUTE }, (_, i) =>
        visit(deployment.port, flooded[i % 2].hostname, '/', { agent }),
      ),
    );
    agent.destroy();
    const passed = flood.filter(({ status }) => status === 200).length;
    const refilled = Math.ceil(((performance.now() - from) / 60_000) * PER_MINUTE) + 1;
    expect(passed).toBeGreaterThanOrEqual(PER_MINUTE);
    expect(passed).toBeLessThanOrEqual(PER_MINUTE + refilled);
    expect(served).toBe(passed);

    const refused = flood.filter(({ status }) => status === 429);
    expect(refused.length).toBe(flood.length - passed);
    for (const { headers, body } of refused) {
      expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
      expect(Number(headers['retry-after'])).toBeLessThanOrEqual(60 / PER_MINUTE);
      expect(JSON.parse(body.toString())).toMatchObject({ code: 'team_request_limit', status: 429 });
    }
    for (let i = 0; i < PER_MINUTE / 2; i++)
      expect((await visit(deployment.port, calm.hostname, '/')).status).toBe(200);

    const metrics = await visit(deployment.port, `localhost:${deployment.port}`, '/metrics');
    expect(metrics.body.toString()).toContain(
      `culvert_failures_total{code="team_request_limit"} ${refused.length}`,
    );
  });

  it("is shown by the API beside the team's use", async () => {
    const team = await deployment.api('GET', '/team');
    expect(team).toMatchObject({
      limits: { previewRequestsPerMinute: PER_MINUTE },
      use: { previewRequestsPerMinute: expect.any(Number) },
    });
  });
});
