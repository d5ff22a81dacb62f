import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { StallingProxy, type TestDatabase } from '@culvert/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../support/database.js';
import { API_KEY, type Preview, visit } from '../support/deployment.js';
import type { Program } from '../support/process.js';
import { type SplitDeployment, startSplit } from '../support/split-deployment.js';

/** Postgres stalls: its host hangs, so that connections stay open but get no answers. */
let database: TestDatabase;
let proxy: StallingProxy & { readonly url: string };
let split: SplitDeployment;
let service: http.Server;
let preview: Preview;

beforeAll(async () => {
  database = await createDatabase();
  proxy = await StallingProxy.start(database.url);
  split = await startSplit({ edges: 1, database: proxy });
  service = http.createServer((_request, response) => response.end('behind')).listen(0, '127.0.0.1');
  await once(service, 'listening');
  await split.deployment.startManager();
  preview = await split.deployment.createPreview((service.address() as AddressInfo).port);
});

afterEach(() => proxy.resume());

afterAll(async () => {
  proxy?.resume();
  await split?.stop();
  service?.closeAllConnections();
  service?.close();
  await proxy?.stop();
});

async function adminPortOf(program: Program): Promise<number> {
  return Number((await program.logged(/"adminPort":(\d+)/))[1]);
}

async function readiness(program: Program): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`http://127.0.0.1:${await adminPortOf(program)}/readyz`);
  return { status: response.status, body: await response.json() };
}

describe('while Postgres stalls', () => {
  it.each(['edge', 'api'] as const)(
    'an %s that has been ready stays ready, and names the store',
    async (name) => {
      const program = name === 'edge' ? split.edges[0] : split.api;
      expect(await readiness(program)).toMatchObject({ status: 200, body: { checks: { store: 'ok' } } });
      proxy.stall();
      expect(await readiness(program)).toEqual({
        status: 200,
        body: { ready: true, checks: { store: 'no answer in time', redis: 'ok' } },
      });
      const metrics = await (await fetch(`http://127.0.0.1:${await adminPortOf(program)}/metrics`)).text();
      expect(metrics).toContain('culvert_dependency_up{dependency="store"} 0');
    },
  );

  it('visitors of a public preview are not affected', async () => {
    expect((await visit(split.deployment.port, preview.hostname, '/')).status).toBe(200);
    proxy.stall();
    for (let i = 0; i < 10; i++) {
      expect((await visit(split.deployment.port, preview.hostname, '/')).status).toBe(200);
    }
  });

  it('API calls get 503 with Retry-After within five seconds, and work once the store answers', async () => {
    const call = async (method: string, path: string, body?: object) => {
      const before = performance.now();
      const response = await fetch(`http://127.0.0.1:${split.deployment.port}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const { code } = (await response.json()) as { code?: string };
      const retryAfter = Number(response.headers.get('retry-after'));
      return { status: response.status, code, retryAfter, ms: performance.now() - before };
    };
    expect(await call('GET', '/previews')).toMatchObject({ status: 200 });
    proxy.stall();
    // More than there are connections to Postgres, so that some wait for one; reads, and writes in transactions.
    const calls = Array.from({ length: 30 }, (_, i) =>
      i % 2 === 0 ? call('GET', '/previews') : call('POST', '/api-keys', { name: `key ${i}` }),
    );
    for (const answer of await Promise.all(calls)) {
      expect(answer).toMatchObject({ status: 503, code: 'store_unavailable' });
      expect(answer.retryAfter).toBeGreaterThan(0);
      expect(answer.ms).toBeLessThan(5000);
    }
    proxy.resume();
    await expect.poll(async () => (await call('GET', '/previews')).status).toBe(200);
  });

  it('visitors whose preview is not cached get 503 with Retry-After within five seconds', async () => {
    proxy.stall();
    const before = performance.now();
    const { status, headers } = await visit(split.deployment.port, 'unknown.preview.localhost', '/');
    expect(status).toBe(503);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    expect(performance.now() - before).toBeLessThan(5000);
  });
});
