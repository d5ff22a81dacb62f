import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { TestDatabase } from '@culvert/testkit';
import { createDatabase } from '../support/database.js';
import {
  API_KEY,
  type Deployment,
  deploymentOf,
  type Preview,
  startDeployment,
  visit,
} from '../support/deployment.js';
import { freePort, Proxy } from '../support/network.js';
import { PersistentClient } from '../support/persistent-client.js';
import { type Program, startProgram } from '../support/process.js';

/** Long enough for visitors to use a connection again, and to notice that it ends. */
const LAME_DUCK_MS = 1500;

let service: http.Server;
let webSockets: WebSocketServer;
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
  webSockets = new WebSocketServer({ server: service });
  webSockets.on('connection', (socket) => socket.on('message', (message) => socket.send(message)));
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

  async function startEdge(
    apiPorts: readonly number[],
    env: Record<string, string> = {},
  ): Promise<{ program: Program; port: number }> {
    const program = startProgram('apps/edge/src/main.js', {
      DATABASE_URL: database.url,
      REDIS_URL: inject('redisUrl'),
      APP_HOST: 'localhost',
      ADMIN_PORT: '0',
      PORT: '0',
      API_UPSTREAM_URL: apiPorts.map((port) => `http://127.0.0.1:${port}`).join(),
      ...env,
    });
    programs.push(program);
    const [, port] = await program.logged(/"port":(\d+),"adminPort":\d+[^\n]*"msg":"serving"/);
    return { program, port: Number(port) };
  }

  /** Resolves when it serves, with the port of its probes. */
  async function startApi(port: number): Promise<{ program: Program; adminPort: number }> {
    const program = startProgram('apps/api/src/main.js', {
      DATABASE_URL: database.url,
      REDIS_URL: inject('redisUrl'),
      APP_HOST: 'localhost',
      ADMIN_PORT: '0',
      PORT: String(port),
      LAME_DUCK_MS: String(LAME_DUCK_MS),
      CULVERT_BOOTSTRAP_API_KEY: API_KEY,
    });
    programs.push(program);
    const [, adminPort] = await program.logged(/"adminPort":(\d+)[^\n]*"msg":"serving"/);
    return { program, adminPort: Number(adminPort) };
  }

  afterAll(async () => {
    await deployment?.stop();
    await Promise.all(programs.map((program) => program.stop()));
    await proxy?.stop();
    await database?.drop();
  });

  beforeAll(async () => {
    database = await createDatabase();
  });

  it('serves new connections while it leaves, and fails no exchange of visitors that continue with another edge', async () => {
    const apiPort = await freePort();
    await startApi(apiPort);
    const [first, second] = await Promise.all([
      startEdge([apiPort], { LAME_DUCK_MS: String(LAME_DUCK_MS) }),
      startEdge([apiPort]),
    ]);
    proxy = await Proxy.start(first.port, second.port);
    deployment = deploymentOf(first.program, proxy.port, apiPort);
    const manager = await deployment.startManager();
    const preview = await deployment.createPreview(servicePort());

    const load = new Load(new PersistentClient(proxy.port, preview.hostname, 16), 16);
    await load.until(300);
    // An upload that takes longer than the lame duck.
    const upload = http.request({
      port: proxy.port,
      host: '127.0.0.1',
      method: 'POST',
      headers: { host: preview.hostname, 'content-length': 10 },
    });
    upload.write('12345');
    first.program.kill('SIGTERM');
    await first.program.logged(/"stopping"/);
    const whileLeaving = await visit(first.port, preview.hostname, '/', {
      agent: new http.Agent({ keepAlive: true }),
    });
    expect([whileLeaving.status, whileLeaving.headers.connection]).toEqual([200, 'close']);
    await expect.poll(() => visit(first.port, preview.hostname, '/').catch(String)).toContain('ECONNREFUSED');
    const answered = once(upload, 'response');
    upload.end('67890');
    const [response] = (await answered) as [http.IncomingMessage];
    expect(response.statusCode).toBe(200);
    response.resume();
    const { code } = await first.program.exited;
    await load.until(load.answers + 300);
    await load.stop();
    console.log(`${load.answers} answers, ${load.client.retries} sent again`);
    expect(load.failures).toEqual([]);
    // Every connection was announced to end before the port closed, but for those that the kernel had not handed over yet.
    expect(load.client.retries).toBeLessThan(5);
    expect(code).toBe(0);
    expect(manager.stderr).toMatch(/SHUTTING_DOWN[^\n]*the edge asked to go away[\s\S]*"connected"/);
  });

  it('reaches the API while its processes are restarted one after the other', async () => {
    const ports = [await freePort(), await freePort()];
    const apis = [await startApi(ports[0]), await startApi(ports[1])];
    const edge = await startEdge(ports);
    const failures: string[] = [];
    let answers = 0;
    let isOver = false;
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    const caller = async (method: string): Promise<void> => {
      while (!isOver) {
        const options = {
          agent,
          method,
          headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
          // The body is invalid, so that nothing changes. An edge does not repeat such a request.
          ...(method === 'POST' && { body: '{"name":""}' }),
        };
        const path = method === 'POST' ? '/api/v1/api-keys' : '/api/v1/previews';
        const wanted = method === 'POST' ? 400 : 200;
        const result = await visit(edge.port, 'localhost', path, options).catch(String);
        if (typeof result === 'string' || result.status !== wanted)
          failures.push(typeof result === 'string' ? result : `${result.status} ${result.body.toString()}`);
        answers++;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const callers = ['GET', 'GET', 'GET', 'POST'].map(caller);
    for (const [i, api] of apis.entries()) {
      const before = answers;
      await expect.poll(() => answers).toBeGreaterThan(before + 50);
      const isReady = (): Promise<number> =>
        fetch(`http://127.0.0.1:${api.adminPort}/readyz`).then(({ status }) => status);
      await expect.poll(isReady).toBe(200);
      api.program.kill('SIGTERM');
      await expect.poll(isReady, { interval: 10 }).toBe(503);
      expect(await api.program.exited).toMatchObject({ code: 0 });
      await startApi(ports[i]);
    }
    isOver = true;
    await Promise.all(callers);
    agent.destroy();
    console.log(`${answers} calls of the API`);
    expect(failures).toEqual([]);
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
    let answer = '';
    stuck.on('data', (chunk: Buffer) => (answer += chunk.toString()));

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
    // GET may be repeated, so that the visitor is sent to another server.
    expect(answer).toMatch(/^HTTP\/1.1 503 [^]*X-Culvert-Error: shutting_down\r\n[^]*Connection: close\r\n/);
    expect(politeMs).toBeLessThan(1000);
    expect(stuckMs).toBeGreaterThan(1400);
    expect(exitedMs).toBeLessThan(1500 + 2500);
  });

  it('ends WebSockets with 1012 towards visitors and 1001 towards services', async () => {
    await start(300);
    const atService = once(webSockets, 'connection');
    const socket = new WebSocket(`ws://127.0.0.1:${deployment.port}/`, {
      headers: { host: preview.hostname },
    });
    const [far] = (await atService) as [WebSocket];
    await once(socket, 'open');
    const echoed = once(socket, 'message');
    socket.send('hello');
    await echoed;
    const ends = Promise.all([once(socket, 'close'), once(far, 'close')]);
    deployment.program.kill('SIGTERM');
    const [[code, reason], [farCode]] = (await ends) as [[number, Buffer], [number]];
    expect([code, reason.toString(), farCode]).toEqual([1012, 'service restart', 1001]);
    expect(await deployment.program.exited).toMatchObject({ code: 0 });
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
