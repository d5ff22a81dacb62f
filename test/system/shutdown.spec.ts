import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import type { TestDatabase } from '@culvert/testkit';
import { createDatabase } from '../support/database.js';
import {
  API_KEY,
  type Deployment,
  deploymentOf,
  type Preview,
  startDeployment,
} from '../support/deployment.js';
import { Proxy } from '../support/network.js';
import { PersistentClient } from '../support/persistent-client.js';
import { type Program, startProgram } from '../support/process.js';

let service: http.Server;
let served = 0;

beforeAll(async () => {
  service = http.createServer((request, response) => {
    if (request.url === '/stuck') return;
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      served++;
      // Some responses take as long as a shutdown.
      setTimeout(() => response.end(`${request.method} ${body}`), served % 8 === 0 ? 100 : 2);
    });
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
});

afterAll(() => {
  service.closeAllConnections();
  service.close();
});

const servicePort = (): number => (service.address() as AddressInfo).port;

/** Visitors that send one request after the other until they are stopped. */
class Load {
  answers = 0;
  readonly failures: string[] = [];
  private isOver = false;
  private readonly visitors: Promise<void>[];

  constructor(
    readonly client: PersistentClient,
    concurrency: number,
  ) {
    this.visitors = Array.from({ length: concurrency }, (_, i) => this.run(i % 4 === 0 ? 'POST' : 'GET'));
  }

  async until(answers: number): Promise<void> {
    await expect.poll(() => this.answers, { timeout: 20_000, interval: 10 }).toBeGreaterThanOrEqual(answers);
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.visitors);
    this.client.stop();
  }

  private async run(method: string): Promise<void> {
    for (let i = 0; !this.isOver; i++) {
      const body = method === 'POST' ? `body ${i}` : '';
      try {
        const answer = await this.client.send(method, '/', body);
        if (answer.status !== 200 || answer.body !== `${method} ${body}`)
          this.failures.push(`${answer.status} ${answer.body}`);
      } catch (error) {
        this.failures.push(String(error));
      }
      this.answers++;
      // Leaves some connections idle at any moment.
      await new Promise((resolve) => setTimeout(resolve, i % 5));
    }
  }
}

describe('an edge that is replaced', () => {
  let database: TestDatabase;
  const programs: Program[] = [];
  let proxy: Proxy;
  let deployment: Deployment;

  async function startEdge(apiPort: number): Promise<{ program: Program; port: number }> {
    const program = startProgram('apps/edge/src/main.js', {
      DATABASE_URL: database.url,
      REDIS_URL: inject('redisUrl'),
      APP_HOST: 'localhost',
      ADMIN_PORT: '0',
      PORT: '0',
      API_UPSTREAM_URL: `http://127.0.0.1:${apiPort}`,
    });
    programs.push(program);
    const [, port] = await program.logged(/"port":(\d+),"adminPort":\d+,"msg":"serving"/);
    return { program, port: Number(port) };
  }

  async function freePort(): Promise<number> {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }

  afterAll(async () => {
    await deployment?.stop();
    await Promise.all(programs.map((program) => program.stop()));
    await proxy?.stop();
    await database?.drop();
  });

  it('fails no exchange of visitors that continue with another edge', async () => {
    database = await createDatabase();
    const apiPort = await freePort();
    const api = startProgram('apps/api/src/main.js', {
      DATABASE_URL: database.url,
      REDIS_URL: inject('redisUrl'),
      APP_HOST: 'localhost',
      ADMIN_PORT: '0',
      PORT: String(apiPort),
      CULVERT_BOOTSTRAP_API_KEY: API_KEY,
    });
    programs.push(api);
    await api.line(/^API key/m);
    const [first, second] = await Promise.all([startEdge(apiPort), startEdge(apiPort)]);
    proxy = await Proxy.start(first.port, second.port);
    deployment = deploymentOf(first.program, proxy.port, apiPort);
    const manager = await deployment.startManager();
    const preview = await deployment.createPreview(servicePort());

    const load = new Load(new PersistentClient(proxy.port, preview.hostname, 16), 16);
    await load.until(300);
    first.program.kill('SIGTERM');
    const { code } = await first.program.exited;
    await load.until(load.answers + 300);
    await load.stop();
    console.log(`${load.answers} answers, ${load.client.retries} sent again`);
    expect(load.failures).toEqual([]);
    expect(code).toBe(0);
    expect(manager.stderr).toMatch(/SHUTTING_DOWN[^\n]*the edge asked to go away[\s\S]*"connected"/);
  });
});

describe('a traffic manager that stops', () => {
  let deployment: Deployment;
  afterAll(() => deployment?.stop());

  it('fails no exchange while another of its kind is connected, or connects', async () => {
    deployment = await startDeployment();
    let current = await deployment.startManager();
    const preview = await deployment.createPreview(servicePort());
    const load = new Load(new PersistentClient(deployment.port, preview.hostname, 16), 16);
    await load.until(200);
    // First the newer of two managers stops, then the only one left, while its successor starts.
    const newest = await deployment.startManager();
    await load.until(load.answers + 100);
    expect(await newest.stop()).toBe(0);
    await load.until(load.answers + 100);
    // The successor starts as in a rolling update.
    const successor = await deployment.startManager();
    expect(await current.stop()).toBe(0);
    await load.until(load.answers + 100);
    current = successor;
    const stopping = current.stop();
    const last = await deployment.startManager();
    expect(await stopping).toBe(0);
    await load.until(load.answers + 100);
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(load.client.retries).toBe(0);
    expect(last.stderr).not.toMatch(/"level":(50|60)/);
  });
});

describe('a server that is stopped', () => {
  let deployment: Deployment;
  let preview: Preview;
  const sockets: net.Socket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await deployment?.stop();
  });

  async function start(shutdownGraceMs: number): Promise<void> {
    deployment = await startDeployment({ SHUTDOWN_GRACE_MS: String(shutdownGraceMs) });
    await deployment.startManager();
    preview = await deployment.createPreview(servicePort());
  }

  async function connect(): Promise<net.Socket> {
    const socket = net.connect(deployment.port, '127.0.0.1');
    sockets.push(socket);
    await once(socket, 'connect');
    return socket;
  }

  async function getStuck(): Promise<net.Socket> {
    const socket = await connect();
    socket.on('error', () => {});
    const requested = once(service, 'request');
    socket.write(`GET /stuck HTTP/1.1\r\nHost: ${preview.hostname}\r\n\r\n`);
    await requested;
    return socket;
  }

  it('ends idle connections gracefully, and itself within the grace period although an exchange is stuck', async () => {
    await start(1500);
    const idle = await connect();
    idle.write(`GET / HTTP/1.1\r\nHost: ${preview.hostname}\r\n\r\n`);
    await once(idle, 'data');
    const stuck = await getStuck();
    const stuckClosed = once(stuck, 'close');

    const toldAt = performance.now();
    deployment.program.kill('SIGTERM');
    // Waits for the end and ignores errors, on which `once` would reject.
    await once(idle, 'end');
    const politeMs = performance.now() - toldAt;
    await stuckClosed;
    const stuckMs = performance.now() - toldAt;
    const { code } = await deployment.program.exited;
    const exitedMs = performance.now() - toldAt;
    expect(code).toBe(0);
    expect(politeMs).toBeLessThan(1000);
    expect(stuckMs).toBeGreaterThan(1400);
    expect(exitedMs).toBeLessThan(1500 + 2500);
  });

  it('ends at once at a second signal', async () => {
    await start(60_000);
    await getStuck();
    deployment.program.kill('SIGTERM');
    await deployment.program.logged(/"stopping"/);
    const toldAt = performance.now();
    deployment.program.kill('SIGINT');
    const { code } = await deployment.program.exited;
    expect(code).toBe(1);
    expect(performance.now() - toldAt).toBeLessThan(2000);
  });
});
