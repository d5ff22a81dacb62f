import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Deployment, type Preview, startDeployment, visit } from '../support/deployment.js';
import { readMetric } from '../support/figures.js';
import type { Program } from '../support/process.js';

/**
 * One deployment for all tests, except those that need their own settings; each test has a traffic manager of its own.
 */
let deployment: Deployment;
let service: http.Server;
const open = new Set<net.Socket>();
const managers: Program[] = [];
/** Responses that wait until the test releases them. */
const held: (() => void)[] = [];

beforeAll(async () => {
  service = http.createServer((request, response) => {
    if (request.url === '/slow') setTimeout(() => response.end('slow'), 30);
    else if (request.url === '/held') held.push(() => response.end('held'));
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

afterEach(() => Promise.all(managers.splice(0).map((manager) => manager.stop())));

afterAll(async () => {
  await deployment?.stop();
  service.closeAllConnections();
  service.close();
});

const servicePort = (): number => (service.address() as AddressInfo).port;
const metric = (name: string): Promise<number> => readMetric(deployment.port, name);

async function startManager(managerId: string, env: Record<string, string> = {}): Promise<Program> {
  const manager = await deployment.startManager({ CULVERT_MANAGER_ID: managerId, ...env });
  managers.push(manager);
  return manager;
}

interface Session {
  readonly id: string;
  readonly state: string;
  readonly trafficManagerId: string;
  readonly trafficManager: { readonly managerId: string };
}

async function sessionsOf(managerId: string): Promise<Session[]> {
  const { items } = await deployment.api<{ items: Session[] }>('GET', '/sessions?limit=200');
  return items.filter(({ trafficManager }) => trafficManager.managerId === managerId);
}

async function createPreview(managerId: string): Promise<Preview> {
  const [{ trafficManagerId }] = await sessionsOf(managerId);
  return deployment.createPreview(servicePort(), { trafficManagerId });
}

describe('an edge under faults', () => {
  it('fails only exchanges in flight when the manager is killed, and serves the rest when it is back', async () => {
    const manager = await startManager('killed');
    const preview = await createPreview('killed');
    const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });
    const outcomes: { startedAt: number; endedAt: number; status: number }[] = [];
    let isOver = false;
    const load = Array.from({ length: 32 }, async () => {
      while (!isOver) {
        const startedAt = Date.now();
        const { status } = await visit(deployment.port, preview.hostname, '/slow', { agent });
        outcomes.push({ startedAt, endedAt: Date.now(), status });
      }
    });
    await expect.poll(() => outcomes.length).toBeGreaterThan(200);

    const killedAt = Date.now();
    manager.kill('SIGKILL');
    await manager.exited;
    const [, noticed] = await deployment.program.logged(/"time":"([^"]+)"[^\n]*"tunnel closed"/);
    const inBetween = visit(deployment.port, preview.hostname, '/between');
    await startManager('killed');
    const connectedAt = performance.now();
    expect((await inBetween).body.toString()).toBe('ok');
    const servedAfterMs = performance.now() - connectedAt;
    const count = outcomes.length;
    await expect.poll(() => outcomes.length).toBeGreaterThan(count + 200);
    isOver = true;
    await Promise.all(load);
    agent.destroy();

    const failed = outcomes.filter(({ status }) => status !== 200);
    for (const { startedAt, endedAt, status } of failed) {
      expect(status).toBe(502);
      expect(startedAt).toBeLessThanOrEqual(Date.parse(noticed));
      expect(endedAt).toBeGreaterThanOrEqual(killedAt);
    }
    expect(failed.length).toBeLessThanOrEqual(32);
    console.log(
      `served ${Math.round(servedAfterMs)} ms after the manager was back; ${failed.length} of ${outcomes.length} failed`,
    );
    expect(servedAfterMs).toBeLessThan(2000);
  });

  /** Ten thousand connections, each through a tunnel: minutes on a slow machine. */
  const MANY_MS = 180_000;

  it('leaves nothing behind after 10,000 aborted requests', { timeout: MANY_MS }, async () => {
    await startManager('patient');
    const preview = await createPreview('patient');
    const abort = async (target: string, waitsForData: boolean): Promise<void> => {
      const socket = net.connect(deployment.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write(`GET ${target} HTTP/1.1\r\nHost: ${preview.hostname}\r\n\r\n`);
      if (waitsForData) await once(socket, 'data');
      else await once(socket, 'connect');
      socket.resetAndDestroy();
      await once(socket, 'close');
    };
    let left = 10_000;
    const visitor = async (): Promise<void> => {
      while (left-- > 0) await abort(left % 2 ? '/endless' : '/silent', left % 2 === 1);
    };
    await Promise.all(Array.from({ length: 100 }, visitor));
    await expect.poll(() => metric('culvert_streams')).toBe(0);
    await expect.poll(() => metric('culvert_visitor_connections')).toBe(1);
    await expect.poll(() => open.size).toBe(0);
    expect((await visit(deployment.port, preview.hostname, '/')).body.toString()).toBe('ok');
  });

  it('ends the tunnels of a revoked key and refuses it from then on', async () => {
    const created = await deployment.api<{ id: string; key: string }>('POST', '/api-keys', {
      name: 'cluster',
    });
    const manager = await startManager('revoked', { CULVERT_API_KEY: created.key });
    const preview = await createPreview('revoked');
    expect((await visit(deployment.port, preview.hostname, '/')).status).toBe(200);
    expect(await metric('culvert_tunnels')).toBe(1);
    await deployment.api('DELETE', `/api-keys/${created.id}`);
    await expect.poll(() => metric('culvert_tunnels'), { timeout: 1000, interval: 20 }).toBe(0);
    await manager.logged(/401|revoked|unauthori[sz]ed/i);
    expect(await metric('culvert_tunnels')).toBe(0);
    expect(manager.stderr).not.toContain(created.key);
    expect(deployment.program.stderr).not.toContain(created.key);
  });

  it('keeps the session and the hostname when a manager reconnects', async () => {
    const first = await startManager('faithful');
    const [{ id }] = await sessionsOf('faithful');
    const preview = await createPreview('faithful');
    expect((await visit(deployment.port, preview.hostname, '/')).status).toBe(200);
    await first.stop();
    await startManager('faithful');
    expect((await visit(deployment.port, preview.hostname, '/')).status).toBe(200);
    expect(await sessionsOf('faithful')).toMatchObject([{ id, state: 'connected' }]);
  });

  it('answers 503 with Retry-After while no manager is connected, with a page that reloads', async () => {
    const impatient = await startDeployment({ MANAGER_WAIT_MS: '300' });
    await impatient.api('POST', '/traffic-managers', { managerId: 'not-here-yet' });
    const preview = await impatient.createPreview(servicePort());
    const result = await visit(impatient.port, preview.hostname, '/', { headers: { accept: 'text/html' } });
    expect(result.status).toBe(503);
    expect(result.headers['retry-after']).toBe('5');
    expect(result.headers['refresh']).toBe('5');
    expect(result.body.toString()).toContain('reloads by itself');
    await impatient.stop();
  });

  // This is the last test: it stops the deployment.
  it('finishes exchanges under way when it is stopped', async () => {
    await startManager('busy');
    const preview = await createPreview('busy');
    const results = Array.from({ length: 20 }, () => visit(deployment.port, preview.hostname, '/held'));
    await expect.poll(() => held.length).toBe(20);
    const code = deployment.program.stop();
    await deployment.program.logged(/"stopping"/);
    for (const answer of held) answer();
    expect((await Promise.all(results)).map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(await code).toBe(0);
  });
});
