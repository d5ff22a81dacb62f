/** `culvert up` as people run it: a separate process with a file, beside a real standalone. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type net from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { TemporaryFolder } from '../services/server.js';
import { EXIT, runCulvert, startCulvert } from '../support/cli.js';
import { API_KEY, deploymentOf, type Deployment, visit } from '../support/deployment.js';
import { type Program, startProgram } from '../support/process.js';

const WITH_KEY = { 'x-culvert-api-key': API_KEY };

let dataDir: TemporaryFolder;
let port: number;
let deployment: Deployment;
let home: string;
let file: string;
const services: http.Server[] = [];
const running: Program[] = [];

beforeAll(async () => {
  dataDir = new TemporaryFolder('test');
  const program = startProgram('apps/standalone/src/main.js', {
    PORT: '0',
    DATA_DIR: dataDir.path,
    CULVERT_BOOTSTRAP_API_KEY: API_KEY,
  });
  const [, found] = await program.line(/^Dashboard +https?:\/\/[^:/]+:(\d+)/m);
  port = Number(found);
  deployment = deploymentOf(program, port);
});
afterAll(async () => {
  await deployment?.stop();
  dataDir?.remove();
});

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  file = join(home, 'culvert.yaml');
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((program) => program.stop()));
  await runCulvert(['down', '--file', file], { env: environment() }).catch(() => undefined);
  for (const service of services.splice(0)) {
    service.closeAllConnections();
    service.close();
  }
  for (const { id } of (await deployment.api<{ items: { id: string }[] }>('GET', '/traffic-managers')).items)
    await deployment.apiStatus('DELETE', `/traffic-managers/${id}`);
  rmSync(home, { recursive: true, force: true });
});

const environment = (): Record<string, string> => ({
  HOME: home,
  CULVERT_URL: `http://localhost:${port}`,
  CULVERT_API_KEY: API_KEY,
});

/** Starts a service that answers with its name and what it received. */
async function startService(name: string, handle?: http.RequestListener): Promise<number> {
  const server = http.createServer(
    handle ??
      ((request, response) => {
        let received = 0;
        request.on('data', (chunk: Buffer) => (received += chunk.length));
        request.on('end', () =>
          response.end(JSON.stringify({ name, received, url: request.url, headers: request.headers })),
        );
      }),
  );
  services.push(server);
  return listen(server);
}

async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Starts `up` for a file with this content. */
function up(content: string, ...args: string[]): Program {
  writeFileSync(file, content);
  const program = startCulvert(['up', '--file', file, ...args], environment());
  running.push(program);
  return program;
}

async function hostnameOf(program: Program, endpoint: string): Promise<string> {
  const [, hostname = ''] = await program.line(
    new RegExp(String.raw`^${endpoint}  http://([a-z0-9-]+\.preview\.localhost):\d+$`, 'm'),
  );
  return hostname;
}

async function bodyOf(hostname: string, path = '/', options: { method?: string; body?: Buffer } = {}) {
  const { status, body } = await visit(port, hostname, path, { headers: WITH_KEY, ...options });
  return [status, status === 200 ? JSON.parse(body.toString()) : body.toString()] as const;
}

describe('culvert up', () => {
  it('gives each endpoint of a file a URL over one tunnel, and keeps the URLs between runs', async () => {
    const [a, b] = [await startService('a'), await startService('b')];
    const content = `endpoints:\n  web: { target: ${a} }\n  api:\n    target: ${b}\n    access: public\n    addRequestHeaders: { x-dev: alice }\n`;
    const first = up(content);
    const [web, api] = [await hostnameOf(first, 'web'), await hostnameOf(first, 'api')];
    expect(await bodyOf(web)).toMatchObject([200, { name: 'a' }]);
    expect(JSON.parse((await visit(port, api, '/x')).body.toString())).toMatchObject({
      name: 'b',
      url: '/x',
      headers: { 'x-dev': 'alice', host: `localhost:${b}` },
    });
    expect((await visit(port, web, '/')).status).toBe(401);
    const sessions = await deployment.api<{ items: unknown[] }>('GET', '/sessions?state=connected');
    expect(sessions.items).toHaveLength(1);
    await first.line(/^web \| .* 200 .*GET/m);

    first.kill('SIGTERM');
    expect(await first.exited).toMatchObject({ code: EXIT.ok });
    const second = up(content);
    expect(await hostnameOf(second, 'web')).toBe(web);
    expect(await hostnameOf(second, 'api')).toBe(api);
    expect(await bodyOf(web)).toMatchObject([200, { name: 'a' }]);
  });

  it('routes paths of one URL to several services, with WebSockets and uploads', async () => {
    const [page, api] = [await startService('page'), await startService('api')];
    const sockets = new WebSocketServer({ server: services[1] });
    sockets.on('connection', (socket, request) => socket.send(`hello ${request.url}`));
    const program = up(
      `endpoints:\n  shop:\n    paths:\n      /: ${page}\n      /api: { target: ${api}, stripPrefix: true }\n      /api/raw: ${api}\n`,
    );
    const shop = await hostnameOf(program, 'shop');
    expect(await bodyOf(shop, '/apis?x')).toMatchObject([200, { name: 'page', url: '/apis?x' }]);
    expect(await bodyOf(shop, '/api/users?a=1')).toMatchObject([
      200,
      {
        name: 'api',
        url: '/users?a=1',
        headers: { host: `localhost:${api}`, 'x-forwarded-prefix': '/api' },
      },
    ]);
    expect(await bodyOf(shop, '/api/raw/x')).toMatchObject([200, { name: 'api', url: '/api/raw/x' }]);
    const body = Buffer.alloc(10 * 1024 * 1024, 7);
    expect(await bodyOf(shop, '/api/up', { method: 'POST', body })).toMatchObject([
      200,
      { name: 'api', received: body.length },
    ]);
    const socket = new WebSocket(`ws://localhost:${port}/api/live`, {
      headers: { host: `${shop}:${port}`, ...WITH_KEY },
    });
    const [message] = (await once(socket, 'message')) as [Buffer];
    expect(message.toString()).toBe('hello /live');
    socket.terminate();
    sockets.close();
  });
});
