import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Deployment,
  type HttpResult,
  type Preview,
  startDeployment,
  visit,
} from '../support/deployment.js';
import { readMetric } from '../support/figures.js';
import { Proxy } from '../support/network.js';
import type { Program } from '../support/process.js';

/** Five seconds are promised; docs/protocol.md §6 leaves half a second for a busy machine. */
const NOTICED_MS = 5000;

let deployment: Deployment;
let service: http.Server;
let network: Proxy;
let preview: Preview;
const managers: Program[] = [];
/** Responses that wait until the test releases them. */
const held = new Set<() => void>();
let isHolding = true;

beforeAll(async () => {
  service = http.createServer((request, response) => {
    const answer = (): void => void response.end('answer');
    if (request.url === '/endless') response.write('x'.repeat(2000));
    else if (request.url === '/held' && isHolding) held.add(answer);
    else answer();
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  deployment = await startDeployment({ MANAGER_WAIT_MS: '30000' });
});

beforeEach(async () => {
  isHolding = true;
  network = await Proxy.start(deployment.port);
});

afterEach(async () => {
  release();
  await network.stop();
  await Promise.all(managers.splice(0).map((manager) => manager.stop()));
});

afterAll(async () => {
  await deployment?.stop();
  service.closeAllConnections();
  service.close();
});

function release(): void {
  isHolding = false;
  for (const answer of held) answer();
  held.clear();
}

/** Starts a manager behind the network that can be silenced, or beside it. */
async function startManager(port: number, env: Record<string, string> = {}): Promise<Program> {
  const manager = await deployment.startManager({ CULVERT_URL: `http://127.0.0.1:${port}`, ...env });
  managers.push(manager);
  return manager;
}

const createPreview = (): Promise<Preview> =>
  deployment.createPreview((service.address() as AddressInfo).port);

const get = (target: string, method = 'GET'): Promise<HttpResult> =>
  visit(deployment.port, preview.hostname, target, { method });

const tunnels = (): Promise<number> => readMetric(deployment.port, 'culvert_tunnels');

/** Resolves with the milliseconds from now until `done` resolved. */
async function timed(done: Promise<unknown>): Promise<number> {
  const from = performance.now();
  await done;
  return performance.now() - from;
}

async function noTunnels(): Promise<void> {
  await expect.poll(tunnels, { timeout: 10_000, interval: 50 }).toBe(0);
}

function occurrences(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].length;
}

describe('an edge whose network falls silent', () => {
  it('notices within five seconds at both ends that the network is silent, and serves waiting requests', async () => {
    const manager = await startManager(network.port, { CULVERT_CONNECT_TIMEOUT_MS: '1000' });
    preview = await createPreview();
    expect((await get('/')).status).toBe(200);

    // One request that can be repeated, one that cannot, and one whose response has begun.
    const repeated = get('/held');
    const lost = get('/held', 'POST');
    const request = http.get({
      port: deployment.port,
      host: '127.0.0.1',
      path: '/endless',
      headers: { host: preview.hostname },
    });
    // The response reports its end; so does the request.
    request.on('error', () => {});
    const [cut] = (await once(request, 'response')) as [http.IncomingMessage];
    await once(cut, 'data');
    const broken = once(cut, 'error');
    await expect.poll(() => held.size).toBe(2);

    network.silence({ newOnesToo: true });
    const [byEdge, byMetric, byManager] = await Promise.all([
      timed(deployment.program.logged(/"code":9,[^\n]*"tunnel closed"/)),
      timed(noTunnels()),
      timed(manager.logged(/"code":"TIMEOUT"[^\n]*"disconnected"/)),
    ]);
    console.log(`silence noticed: edge ${Math.round(byEdge)} ms, manager ${Math.round(byManager)} ms`);
    expect(byEdge).toBeLessThan(NOTICED_MS);
    expect(byMetric).toBeLessThan(NOTICED_MS);
    expect(byManager).toBeLessThan(NOTICED_MS);

    const failed = await lost;
    expect(failed.status).toBe(502);
    expect(failed.headers['x-culvert-error']).toBe('tunnel_lost');
    expect(await broken).toMatchObject([{ code: 'ECONNRESET' }]);

    // It dials again, and fails at first.
    const waiting = get('/');
    await manager.logged(/"cannot reach the edge"/);
    network.heal();
    release();
    expect((await waiting).body.toString()).toBe('answer');
    expect((await repeated).body.toString()).toBe('answer');
    expect(await tunnels()).toBe(1);
  });

  it("uses a manager's new connection at once while its old one looks alive", async () => {
    const manager = await startManager(network.port);
    preview = await createPreview();
    expect((await get('/')).status).toBe(200);
    const repeated = get('/held');
    await expect.poll(() => held.size).toBe(1);

    // The manager sees that its connection is gone; the edge does not.
    network.forgetNearEnds();
    release();
    const tookMs = await timed(Promise.all([get('/'), repeated]));
    console.log(`served by the new connection after ${Math.round(tookMs)} ms`);
    expect((await repeated).body.toString()).toBe('answer');
    expect(tookMs).toBeLessThan(1000);
    expect(await tunnels()).toBe(1);
    expect(occurrences(manager.stderr, /"connected"/g)).toBe(2);
    await deployment.program.logged(/"code":6,"reason":"a newer tunnel of the same process replaced it"/);
    const { items } = await deployment.api<{ items: unknown[] }>('GET', '/sessions');
    expect(items).toHaveLength(1);
  });

  it('uses another instance of the manager at once, and fences off the silent one', async () => {
    const silent = await startManager(network.port);
    preview = await createPreview();
    expect((await get('/')).status).toBe(200);
    const repeated = get('/held');
    await expect.poll(() => held.size).toBe(1);

    network.silence({ newOnesToo: true });
    const silentSince = performance.now();
    release();
    await startManager(deployment.port);
    expect(await tunnels()).toBe(2);
    for (let i = 0; i < 10; i++) expect(await timed(get('/'))).toBeLessThan(1000);
    // During all of that, the edge considered the silent one alive.
    expect(await tunnels()).toBe(2);

    await expect.poll(tunnels, { timeout: 10_000, interval: 50 }).toBe(1);
    expect(performance.now() - silentSince).toBeLessThan(NOTICED_MS);
    expect((await repeated).body.toString()).toBe('answer');
    await silent.logged(/"code":"TIMEOUT"[^\n]*"disconnected"/);
    expect((await get('/')).status).toBe(200);
  });
});
