import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Deployment, type Preview, startDeployment, visit } from '../support/deployment.js';

let deployment: Deployment;
let service: http.Server;
let preview: Preview;
const open = new Set<net.Socket>();

beforeEach(async () => {
  service = http.createServer((request, response) => {
    if (request.url === '/slow') setTimeout(() => response.end('slow'), 30);
    else if (request.url === '/endless') response.write('x'.repeat(2000));
    else if (request.url === '/silent') return;
    else response.end('ok');
  });
  service.on('connection', (socket: net.Socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  deployment = await startDeployment();
});

afterEach(async () => {
  await deployment.stop();
  service.closeAllConnections();
  service.close();
});

const servicePort = (): number => (service.address() as AddressInfo).port;

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${deployment.port}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)![1]);
}

/** Polls `read` until it gives `wanted`; fails after ten seconds with the last value. */
async function eventually(read: () => Promise<number> | number, wanted: number): Promise<void> {
  await expect.poll(read, { timeout: 10_000, interval: 50 }).toBe(wanted);
}

it('fails only exchanges in flight when the manager is killed, and serves the rest when it is back', async () => {
  const manager = await deployment.startManager();
  preview = await deployment.createPreview(servicePort());
  const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });
  const outcomes: { startedAt: number; endedAt: number; status: number }[] = [];
  let isOver = false;
  const load = Array.from({ length: 32 }, async () => {
    while (!isOver) {
      const startedAt = performance.now();
      const { status } = await visit(deployment.port, preview.hostname, '/slow', { agent });
      outcomes.push({ startedAt, endedAt: performance.now(), status });
    }
  });
  await expect.poll(() => outcomes.length, { timeout: 10_000 }).toBeGreaterThan(200);

  const killedAt = performance.now();
  manager.kill('SIGKILL');
  await manager.exited;
  const inBetween = visit(deployment.port, preview.hostname, '/between');
  const restartedAt = performance.now();
  await deployment.startManager();
  expect((await inBetween).body.toString()).toBe('ok');
  const backAfterMs = performance.now() - restartedAt;
  const count = outcomes.length;
  await expect.poll(() => outcomes.length, { timeout: 10_000 }).toBeGreaterThan(count + 200);
  isOver = true;
  await Promise.all(load);
  agent.destroy();

  const failed = outcomes.filter(({ status }) => status !== 200);
  for (const { startedAt, endedAt, status } of failed) {
    expect(status).toBe(502);
    expect(startedAt).toBeLessThan(killedAt + 100);
    expect(endedAt).toBeGreaterThan(killedAt);
  }
  expect(failed.length).toBeLessThanOrEqual(32);
  console.log(
    `manager back and serving after ${Math.round(backAfterMs)} ms; ${failed.length} of ${outcomes.length} failed`,
  );
  // The process's own start is part of this.
  expect(backAfterMs).toBeLessThan(2000);
});

it('leaves nothing behind after 10,000 aborted requests', async () => {
  await deployment.startManager();
  preview = await deployment.createPreview(servicePort());
  const abort = async (target: string, waitsForData: boolean): Promise<void> => {
    const socket = net.connect(deployment.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`GET ${target} HTTP/1.1\r\nHost: ${preview.hostname}\r\n\r\n`);
    if (waitsForData) await once(socket, 'data');
    else await once(socket, 'connect');
    socket.resetAndDestroy();
    await once(socket, 'close');
  };
  for (let i = 0; i < 100; i++) {
    await Promise.all(
      Array.from({ length: 100 }, (_, j) => abort(j % 2 ? '/endless' : '/silent', j % 2 === 1)),
    );
  }
  await eventually(() => metric('culvert_streams'), 0);
  await eventually(() => metric('culvert_visitor_connections'), 1);
  await eventually(() => open.size, 0);
  expect((await visit(deployment.port, preview.hostname, '/')).body.toString()).toBe('ok');
});

it('ends the tunnels of a revoked key and refuses it from then on', async () => {
  const created = await deployment.api<{ id: string; key: string }>('POST', '/api-keys', { name: 'cluster' });
  const manager = await deployment.startManager({ CULVERT_API_KEY: created.key });
  preview = await deployment.createPreview(servicePort());
  expect((await visit(deployment.port, preview.hostname, '/')).status).toBe(200);
  expect(await metric('culvert_tunnels')).toBe(1);
  await deployment.api('DELETE', `/api-keys/${created.id}`);
  await expect.poll(() => metric('culvert_tunnels'), { timeout: 1000, interval: 20 }).toBe(0);
  await manager.logged(/401|revoked|unauthori[sz]ed/i);
  expect(await metric('culvert_tunnels')).toBe(0);
  expect(manager.stderr).not.toContain(created.key);
  expect(deployment.program.stderr).not.toContain(created.key);
});

it('answers 503 with Retry-After while no manager is connected, and a page that tries again', async () => {
  await deployment.stop();
  deployment = await startDeployment({ MANAGER_WAIT_MS: '300' });
  await deployment.api('POST', '/traffic-managers', { managerId: 'not-here-yet' });
  preview = await deployment.createPreview(servicePort());
  const result = await visit(deployment.port, preview.hostname, '/', { headers: { accept: 'text/html' } });
  expect(result.status).toBe(503);
  expect(result.headers['retry-after']).toBe('5');
  expect(result.headers['refresh']).toBe('5');
  expect(result.body.toString()).toContain('tries again by itself');
});

it('finishes what is under way when it is told to stop', async () => {
  await deployment.startManager();
  preview = await deployment.createPreview(servicePort());
  const results = Array.from({ length: 20 }, () => visit(deployment.port, preview.hostname, '/slow'));
  await eventually(() => metric('culvert_streams'), 20);
  const code = deployment.program.stop();
  expect((await Promise.all(results)).map(({ status }) => status)).toEqual(Array(20).fill(200));
  expect(await code).toBe(0);
});

it('keeps the session and the hostname when a manager reconnects', async () => {
  const first = await deployment.startManager();
  preview = await deployment.createPreview(servicePort());
  expect((await visit(deployment.port, preview.hostname, '/')).status).toBe(200);
  await first.stop();
  await deployment.startManager();
  expect((await visit(deployment.port, preview.hostname, '/')).status).toBe(200);
  const { items } = await deployment.api<{ items: { state: string }[] }>('GET', '/sessions');
  expect(items).toHaveLength(1);
  expect(items[0].state).toBe('connected');
});
