import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { StallingProxy, type TestDatabase } from '@culvert/testkit';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createDatabase } from '../support/database.js';
import { type Preview, visit } from '../support/deployment.js';
import type { Program } from '../support/process.js';
import { type SplitDeployment, startSplit } from '../support/split-deployment.js';

/** Postgres stalls: its host hangs, so that connections stay open and nothing answers. */
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

it.each(['edge', 'api'] as const)(
  'an %s that has been ready stays ready, and names the store',
  async (name) => {
    const program = name === 'edge' ? split.edges[0] : split.api;
    expect(await readiness(program)).toMatchObject({ status: 200, body: { checks: { store: 'ok' } } });
    proxy.stall();
    const before = performance.now();
    expect(await readiness(program)).toEqual({
      status: 200,
      body: { ready: true, checks: { store: 'no answer in time' } },
    });
    // Kubernetes gives a probe a second.
    expect(performance.now() - before).toBeLessThan(900);
    const metrics = await (await fetch(`http://127.0.0.1:${await adminPortOf(program)}/metrics`)).text();
    expect(metrics).toContain('culvert_dependency_up{dependency="store"} 0');
  },
);

it('visitors of a public preview notice nothing', async () => {
  expect((await visit(split.deployment.port, preview.hostname, '/')).status).toBe(200);
  proxy.stall();
  for (let i = 0; i < 10; i++) {
    expect((await visit(split.deployment.port, preview.hostname, '/')).status).toBe(200);
  }
});
