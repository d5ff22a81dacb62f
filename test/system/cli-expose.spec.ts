/** `culvert expose` as people run it: a separate process, beside a real standalone. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestCertificate } from '@culvert/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { CULVERT, EXIT, runCulvert, startCulvert } from '../support/cli.js';
import { Visitor } from '../support/consent.js';
import { createDatabase } from '../support/database.js';
import { API_KEY, deploymentOf, type Deployment, visit } from '../support/deployment.js';
import { Proxy } from '../support/network.js';
import { type Program, startProgram } from '../support/process.js';

const OWNER = { email: 'owner@example.test', password: 'correct horse battery' };
const WITH_KEY = { 'x-culvert-api-key': API_KEY };
const URL_LINE = /^http:\/\/([a-z0-9-]+\.preview\.localhost):\d+$/m;

let databaseUrl: string;
let port: number;
let deployment: Deployment;
let home: string;
let target: http.Server;
let targetPort: number;
const running: Program[] = [];

/** Starts standalone, with the same port and data each time. */
async function startServer(): Promise<Program> {
  const program = startProgram('apps/standalone/src/main.js', {
    PORT: String(port),
    DATABASE_URL: databaseUrl,
    CULVERT_BOOTSTRAP_API_KEY: API_KEY,
    CULVERT_BOOTSTRAP_EMAIL: OWNER.email,
    CULVERT_BOOTSTRAP_PASSWORD: OWNER.password,
    LOG_LEVEL: 'info',
  });
  const [, found] = await program.line(/^Dashboard +https?:\/\/[^:/]+:(\d+)/m);
  port = Number(found);
  return program;
}

beforeAll(async () => {
  databaseUrl = (await createDatabase()).url;
  port = 0;
  deployment = deploymentOf(await startServer(), port);
});
afterAll(() => deployment?.stop());

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  target = http.createServer(answer);
  targetPort = await listen(target);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((program) => program.stop()));
  target.closeAllConnections();
  target.close();
  for (const { id } of (await deployment.api<{ items: { id: string }[] }>('GET', '/traffic-managers')).items)
    await deployment.apiStatus('DELETE', `/traffic-managers/${id}`);
  rmSync(home, { recursive: true, force: true });
});

function answer(request: http.IncomingMessage, response: http.ServerResponse): void {
  if (request.url === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: one\n\n');
    request.once('close', () => response.end());
    return;
  }
  let received = 0;
  request.on('data', (chunk: Buffer) => (received += chunk.length));
  request.on('end', () => {
    const { host, ...headers } = request.headers;
    response.end(JSON.stringify({ host, received, headers, url: request.url }));
  });
}

async function listen(server: net.Server, wanted = 0): Promise<number> {
  server.listen(wanted, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  const free = await listen(server);
  server.close();
  await once(server, 'close');
  return free;
}

const environment = (key = API_KEY): Record<string, string> => ({
  HOME: home,
  CULVERT_URL: `http://localhost:${port}`,
  CULVERT_API_KEY: key,
});

interface Exposed {
  readonly program: Program;
  readonly hostname: string;
}

const expose = (...args: string[]): Promise<Exposed> => exposeAt(port, ...args);

/** @param entrance port at which it finds Culvert */
async function exposeAt(entrance: number, ...args: string[]): Promise<Exposed> {
  const env = { ...environment(), CULVERT_URL: `http://localhost:${entrance}` };
  const program = startCulvert(['expose', ...args], env);
  running.push(program);
  const [, hostname = ''] = await program.line(URL_LINE);
  return { program, hostname };
}

/** Ends it, and returns how it ended. */
async function end({ program }: Exposed, signal: NodeJS.Signals = 'SIGINT') {
  program.kill(signal);
  return program.exited;
}

const bodyOf = async (hostname: string, path = '/', headers: http.OutgoingHttpHeaders = {}) => {
  const { status, body } = await visit(port, hostname, path, { headers });
  return [status, status === 200 ? JSON.parse(body.toString()) : null];
};
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const trafficManagers = async () =>
  (await deployment.api<{ items: { managerId: string }[] }>('GET', '/traffic-managers')).items;

describe('culvert expose', () => {
  it('gives a local service a URL that only members can open', async () => {
    const startedAt = performance.now();
    const { program, hostname } = await expose(String(targetPort));
    const ms = Math.round(performance.now() - startedAt);
    process.stdout.write(`culvert expose: a URL ${ms} ms after its process was started\n`);
    expect((await visit(port, hostname, '/')).status).toBe(401);
    expect(await bodyOf(hostname, '/hello?token=secret', WITH_KEY)).toEqual([
      200,
      expect.objectContaining({ host: `localhost:${targetPort}`, url: '/hello?token=secret' }),
    ]);
    const [line] = await program.line(/^.*\/hello.*$/m);
    expect(line).toMatch(/^\d\d:\d\d:\d\d {2}200 {2}GET +\/hello {2}[\d.]+ m?s {2}\d+ B$/);
    await program.logged(/Members of your team can open it/);
    const { items } = await deployment.api<{ items: object[] }>('GET', '/previews');
    expect(items).toMatchObject([
      {
        access: 'team',
        intercept: {
          name: `localhost-${targetPort}`,
          namespace: 'workstation',
          client: expect.stringContaining('@'),
        },
        ingress: { host: 'localhost', port: targetPort },
      },
    ]);
  });

  it('lets everyone in if asked to, and warns once', async () => {
    const { program, hostname } = await expose(`127.0.0.1:${targetPort}`, '--access', 'public');
    expect((await bodyOf(hostname))[0]).toBe(200);
    expect(program.stderr.match(/Warning: everyone with the URL/g)).toHaveLength(1);
  });

  it('passes uploads, event streams and WebSockets, and prints them', async () => {
    const sockets = new WebSocketServer({ server: target, path: '/ws' });
    sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
    const { program, hostname } = await expose(String(targetPort), '--access', 'public');
    const upload = await visit(port, hostname, '/upload', {
      method: 'POST',
      body: Buffer.alloc(3_000_000, 1),
    });
    expect(JSON.parse(upload.body.toString())).toMatchObject({ received: 3_000_000 });
    await program.line(/200 {2}POST +\/upload/);

    const events = http.get({ port, path: '/events', headers: { host: hostname } });
    const [response] = (await once(events, 'response')) as [http.IncomingMessage];
    const [first] = (await once(response, 'data')) as [Buffer];
    expect(first.toString()).toBe('data: one\n\n');
    await program.line(/200 {2}GET +\/events {2}stream open/);
    events.destroy();
    await program.line(/200 {2}GET +\/events {2}[\d.]+ m?s/);

    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { headers: { host: hostname } });
    await once(socket, 'open');
    socket.send('echo');
    const [echo] = (await once(socket, 'message')) as [Buffer];
    expect(echo.toString()).toBe('echo');
    await program.line(/101 {2}GET +\/ws {2}websocket open/);
    socket.close();
    await program.line(/101 {2}GET +\/ws {2}[\d.]+ m?s/);
    sockets.close();
  });

  it('adds the given headers, and sends the given Host to the service', async () => {
    const flags = ['--add-request-header', 'X-Dev=alice', '--no-banner', '--expires', '1h', '--name', 'shop'];
    flags.push('--pull-request', 'https://git.example.com/a/b/pull/1', '--host-header', 'shop.example.com');
    const first = await expose(String(targetPort), '--access', 'public', ...flags);
    expect(await bodyOf(first.hostname)).toEqual([
      200,
      expect.objectContaining({
        host: 'shop.example.com',
        headers: expect.objectContaining({ 'x-dev': 'alice' }),
      }),
    ]);
    const { items } = await deployment.api<{ items: { expiresAt: string }[] }>('GET', '/previews');
    expect(items).toMatchObject([
      {
        intercept: { name: 'shop' },
        displayBanner: false,
        pullRequestUrl: 'https://git.example.com/a/b/pull/1',
        expiresAt: expect.any(String),
      },
    ]);
  });

  it('addresses a service of this machine as itself, or by the URL if asked to', async () => {
    const own = await expose(String(targetPort), '--access', 'public');
    const [, body] = await bodyOf(own.hostname);
    expect(body).toMatchObject({ host: `localhost:${targetPort}` });
    const { headers } = body as { headers: object };
    expect(headers).toHaveProperty('x-forwarded-for');
    expect(headers).not.toHaveProperty('x-forwarded-host');
    const shown = await expose(String(targetPort), '--access', 'public', '--host-header', 'preview');
    expect(await bodyOf(shown.hostname)).toMatchObject([
      200,
      { host: `${shown.hostname}:${port}`, headers: { 'x-forwarded-port': String(port) } },
    ]);
    const former = await expose(String(targetPort), '--access', 'public', '--no-rewrite-origin');
    expect(await bodyOf(former.hostname)).toMatchObject([
      200,
      { host: 'localhost', headers: { 'x-forwarded-host': expect.stringContaining(former.hostname) } },
    ]);
    const refused = await runCulvert(['expose', '1', '--host-header', 'preview', '--rewrite-origin'], {
      env: environment(),
    });
    expect(refused).toMatchObject({ code: EXIT.usage, stderr: expect.stringContaining('contradicts') });
  });

  it('says once which setting makes a service accept the URL', async () => {
    target.removeAllListeners('request');
    target.on('request', (_request, response: http.ServerResponse) => {
      response.writeHead(403, { 'content-type': 'text/plain' });
      response.end('Blocked request. This host ("x") is not allowed.');
    });
    const { hostname, program } = await expose(
      String(targetPort),
      '--access',
      'public',
      '--host-header',
      'preview',
    );
    await visit(port, hostname, '/');
    await program.logged(
      new RegExp(
        `Vite refuses the host ${hostname}. Set server.allowedHosts: .*, or leave --host-header out`,
      ),
    );
    await visit(port, hostname, '/again');
    await program.line(/\/again/);
    expect(program.stderr.match(/Vite refuses/g)).toHaveLength(1);
  });

  it('reaches an https service, with a certificate of its own if that is allowed', async () => {
    const certificate = createTestCertificate(['somebody-else.test']);
    const secure = https.createServer({ cert: certificate.cert, key: certificate.key }, answer);
    const securePort = await listen(secure);
    const strict = await expose(`https://127.0.0.1:${securePort}`, '--access', 'public');
    expect((await visit(port, strict.hostname, '/')).status).toBe(502);
    await strict.program.logged(/TLS with 127\.0\.0\.1:\d+ failed: .*--insecure-target/);
    const lenient = await expose(
      `https://127.0.0.1:${securePort}`,
      '--access',
      'public',
      '--insecure-target',
    );
    expect(await bodyOf(lenient.hostname, '/secure')).toEqual([
      200,
      expect.objectContaining({ url: '/secure' }),
    ]);
    await lenient.program.line(/200 {2}GET +\/secure/);
    secure.closeAllConnections();
    secure.close();
  });

  it('exposes nothing else of this machine, whatever the preview is changed to', async () => {
    let visitors = 0;
    const private_ = http.createServer((_request, response) => {
      visitors++;
      response.end('private');
    });
    const privatePort = await listen(private_);
    const { hostname } = await expose(String(targetPort), '--access', 'public');
    const { items } = await deployment.api<{ items: { id: string }[] }>('GET', '/previews');
    for (const host of ['localhost', '127.0.0.1'])
      for (const wanted of [privatePort, targetPort]) {
        if (host === 'localhost' && wanted === targetPort) continue;
        await deployment.api('PATCH', `/previews/${items[0]?.id}`, { ingress: { host, port: wanted } });
        expect((await visit(port, hostname, '/')).status).toBe(502);
      }
    expect(visitors).toBe(0);
    private_.close();
  });

  it('does not let a visitor control the terminal', async () => {
    const { program, hostname } = await expose(String(targetPort), '--access', 'public');
    for (const path of ['/%1b[2J', `/${'a'.repeat(7000)}`, "/'%22$(x)"]) await visit(port, hostname, path);
    // The edge refuses some of these already; the rest must be harmless.
    for (const bytes of ['\u001b]0;owned\u0007', '\u009b31m', '\u202e']) {
      const socket = net.connect(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.end(
        Buffer.from(`GET /${bytes} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`, 'latin1'),
      );
      socket.resume();
      await once(socket, 'close');
    }
    await visit(port, hostname, '/last');
    await program.line(/\/last/);
    for (const line of program.stdout.split('\n')) {
      expect(line).toMatch(/^[^\p{Cc}\u202e]*$/u);
      expect(line.length).toBeLessThan(200);
    }
  });

  it('reports that nothing listens, keeps running, and serves once something does', async () => {
    const later = await freePort();
    const { program, hostname } = await expose(`127.0.0.1:${later}`, '--access', 'public');
    await program.logged(/Nothing listens at 127\.0\.0\.1:\d+ \(connection refused\)/);
    expect((await visit(port, hostname, '/early')).status).toBe(502);
    await program.line(/--- {2}GET +\/early .*connection refused/);
    const service = http.createServer(answer);
    await listen(service, later);
    await program.logged(/answers now/);
    expect((await bodyOf(hostname))[0]).toBe(200);
    service.closeAllConnections();
    service.close();
  });

  it('continues after the server has restarted, with the same hostname', async () => {
    const { program, hostname } = await expose(String(targetPort), '--access', 'public');
    expect((await bodyOf(hostname))[0]).toBe(200);
    await deployment.program.stop();
    await program.logged(/Lost the connection to Culvert/);
    deployment = deploymentOf(await startServer(), port);
    await program.logged(/Reconnected/);
    expect((await bodyOf(hostname))[0]).toBe(200);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'removes what it created at %s, and exits with 0',
    async (signal) => {
      const exposed = await expose(String(targetPort), '--access', 'public');
      expect(await end(exposed, signal)).toEqual({ code: EXIT.ok, signal: null });
      expect(exposed.program.stderr).toContain(`Removed http://${exposed.hostname}`);
      expect((await visit(port, exposed.hostname, '/')).status).toBe(401);
      expect(await trafficManagers()).toEqual([]);
      expect(readdirSync(join(home, '.config/culvert/running'))).toEqual([]);
    },
  );

  // The kernel sends SIGHUP, and later writes to the terminal fail with EIO.
  it('removes what it created when its terminal is closed', async () => {
    const command = `exec ${process.execPath} ${CULVERT} expose ${targetPort} --access public`;
    const terminal = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
      env: { PATH: process.env['PATH'], TERM: 'xterm', ...environment() },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    let shown = '';
    terminal.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text));
    const shownHostname = () => /http:\/\/([a-z0-9-]+\.preview\.localhost)/.exec(shown)?.[1] ?? '';
    await expect.poll(shownHostname).not.toBe('');
    const hostname = shownHostname();
    expect((await visit(port, hostname, '/')).status).toBe(200);
    const status = await runCulvert(['status', '-o', 'json'], { env: environment() });
    const { pid } = (JSON.parse(status.stdout) as { running: { pid: number }[] }).running[0];
    terminal.kill('SIGKILL');
    await expect.poll(async () => (await visit(port, hostname, '/')).status).toBe(401);
    await expect.poll(() => isRunning(pid)).toBe(false);
    expect(readdirSync(join(home, '.config/culvert/running'))).toEqual([]);
  });

  it('removes what it created when the reader of its output is gone', async () => {
    const env = { ...process.env, ...environment() };
    const child = spawn(process.execPath, [CULVERT, 'expose', String(targetPort), '--access', 'public'], {
      env,
    });
    child.stderr.resume();
    const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
    const hostname = new URL(line.trim()).hostname;
    child.stdout.destroy();
    // The request is printed as a line, which fails with EPIPE.
    await visit(port, hostname, '/');
    expect(await once(child, 'exit')).toEqual([EXIT.ok, null]);
    expect((await visit(port, hostname, '/')).status).toBe(401);
  });

  it('has a URL that ends with its session, unless it is kept', async () => {
    const previews = async () =>
      (await deployment.api<{ items: { endsWithSession: boolean }[] }>('GET', '/previews')).items;
    const kept = await expose(String(targetPort), '--keep');
    expect(await previews()).toMatchObject([{ endsWithSession: false }]);
    await end(kept);
    await expose(String(targetPort));
    expect(await previews()).toMatchObject([{ endsWithSession: true }]);
  });

  it('gets another URL after the first ended with its session, as while a laptop sleeps', async () => {
    const way = await Proxy.start(port);
    const { program, hostname } = await exposeAt(way.port, String(targetPort), '--access', 'public');
    way.silence({ newOnesToo: true });
    // As the server does if the session was not resumed in time.
    const { items: sessions } = await deployment.api<{ items: { id: string }[] }>(
      'GET',
      '/sessions?state=connected',
    );
    await deployment.api('DELETE', `/sessions/${sessions[0]?.id}`);
    const { items } = await deployment.api<{ items: { id: string }[] }>('GET', '/previews');
    await deployment.api('DELETE', `/previews/${items[0]?.id}`);
    way.heal();
    await program.logged(/ended because this machine was offline for too long/);
    const urls = () => [...program.stdout.matchAll(new RegExp(URL_LINE, 'gm'))].map(([, name]) => name);
    await expect.poll(urls).toHaveLength(2);
    expect(urls()[1]).not.toBe(hostname);
    expect((await bodyOf(urls()[1] ?? ''))[0]).toBe(200);
    await end({ program, hostname });
    expect(await trafficManagers()).toEqual([]);
    await way.stop();
  });

  it('ends at once at a second signal, and the next run has the same hostname', async () => {
    const way = await Proxy.start(port);
    const first = await exposeAt(way.port, String(targetPort));
    // Nothing can be removed, not even later: a frozen server would still remove it when it continues.
    way.silence({ newOnesToo: true });
    first.program.kill('SIGINT');
    await first.program.logged(/Removing the URL\. Press Ctrl-C again to keep it/);
    expect(await end(first)).toEqual({ code: null, signal: 'SIGINT' });
    way.heal();
    const second = await exposeAt(way.port, String(targetPort));
    expect(second.hostname).toBe(first.hostname);
    await end(second);
    await way.stop();
  });

  it('keeps its hostname for the next run if asked to, and after a crash', async () => {
    const kept = await expose(String(targetPort), '--keep', '--access', 'public');
    expect((await end(kept)).code).toBe(EXIT.ok);
    expect(kept.program.stderr).toContain(`Kept http://${kept.hostname}`);
    const crashed = await expose(String(targetPort));
    expect(crashed.hostname).toBe(kept.hostname);
    // With the options of this run, not of the last one.
    expect((await visit(port, crashed.hostname, '/')).status).toBe(401);
    await end(crashed, 'SIGKILL');
    const last = await expose(String(targetPort));
    expect(last.hostname).toBe(kept.hostname);
    await end(last);
    const other = await expose(String(targetPort));
    expect(other.hostname).not.toBe(kept.hostname);
  });

  it('runs many times at once on one machine', async () => {
    const second = http.createServer((_request, response) => response.end('"second"'));
    const secondPort = await listen(second);
    const exposed = await Promise.all([
      expose(String(targetPort), '--access', 'public'),
      expose(String(targetPort), '--access', 'public'),
      expose(String(secondPort), '--access', 'public'),
    ]);
    expect(new Set(exposed.map(({ hostname }) => hostname)).size).toBe(3);
    const [a, b, c] = exposed;
    expect((await bodyOf(a.hostname))[1]).toMatchObject({ host: `localhost:${targetPort}` });
    expect((await bodyOf(c.hostname))[1]).toBe('second');
    await end(a);
    expect((await bodyOf(b.hostname))[0]).toBe(200);
    await expose(String(secondPort), '--name', 'mine');
    const taken = await runCulvert(['expose', String(secondPort), '--name', 'mine'], { env: environment() });
    expect([taken.code, taken.stderr]).toEqual([EXIT.conflict, expect.stringContaining('the name mine')]);
    second.closeAllConnections();
    second.close();
  });

  it('does not change the default cluster of a team', async () => {
    await expose(String(targetPort));
    await deployment.api('POST', '/traffic-managers', { managerId: 'staging' });
    const { hostname } = await deployment.createPreview(targetPort);
    expect(hostname).toMatch(/\.preview\.localhost$/);
  });

  it('prints JSON for programs: the preview, then each request', async () => {
    const program = startCulvert(['expose', String(targetPort), '-o', 'json'], environment());
    running.push(program);
    const [first] = await program.line(/^\{.*\}$/m);
    const preview = JSON.parse(first) as { hostname: string };
    expect(preview).toMatchObject({
      type: 'preview',
      id: expect.any(String),
      url: expect.stringMatching(URL_LINE),
      hostname: expect.any(String),
    });
    await visit(port, preview.hostname, '/basket?token=secret', {
      method: 'POST',
      body: 'abc',
      headers: WITH_KEY,
    });
    const [, second = ''] = await program.line(/^\{.*\}\n(\{.*\})$/m);
    expect(JSON.parse(second)).toEqual({
      type: 'request',
      startedAt: expect.any(String),
      method: 'POST',
      path: '/basket',
      state: 'ended',
      status: 200,
      upgrade: null,
      durationMs: expect.any(Number),
      receivedBytes: 3,
      sentBytes: expect.any(Number),
      failure: null,
      notes: [],
      refusal: null,
    });
  });

  it('prints no requests if asked not to', async () => {
    const quiet = await expose(String(targetPort), '--access', 'public', '--no-log');
    expect((await bodyOf(quiet.hostname))[0]).toBe(200);
    await end(quiet);
    expect(quiet.program.stdout.trimEnd().split('\n')).toHaveLength(1);
  });

  it('ends when its preview or its traffic manager is removed', async () => {
    const first = await expose(String(targetPort));
    const { items } = await deployment.api<{ items: { id: string }[] }>('GET', '/previews');
    await deployment.api('DELETE', `/previews/${items[0]?.id}`);
    expect((await first.program.exited).code).toBe(EXIT.notFound);
    expect(first.program.stderr).toContain('no longer exists');
    const second = await expose(String(targetPort));
    const [manager] = (await deployment.api<{ items: { id: string }[] }>('GET', '/traffic-managers')).items;
    await deployment.api('DELETE', `/traffic-managers/${manager?.id}`);
    expect((await second.program.exited).code).toBe(EXIT.refused);
    expect(second.program.stderr).toContain('the session was ended');
  });

  it('works for a person who signed in with a browser, until they end that', async () => {
    const url = `http://localhost:${port}`;
    const visitor = new Visitor(url);
    await visitor.signIn(OWNER.email, OWNER.password);
    const login = startCulvert(['login', '--url', url, '--no-browser'], { HOME: home });
    const [address] = await login.logged(/http:\/\/\S+\/auth\?\S+/);
    await visitor.decide(address, 'allow');
    expect((await login.exited).code).toBe(EXIT.ok);
    const program = startCulvert(['expose', String(targetPort)], { HOME: home });
    running.push(program);
    const [, hostname = ''] = await program.line(URL_LINE);
    expect((await bodyOf(hostname, '/', WITH_KEY))[0]).toBe(200);
    const [culvert] = (await visitor.api<{ items: { id: string }[] }>('GET', '/me/programs')).items;
    await visitor.api('DELETE', `/me/programs/${culvert?.id}`);
    expect((await program.exited).code).toBe(EXIT.notSignedIn);
    expect(program.stderr).toContain('culvert login');
  });

  it('reports the cause by its exit code', async () => {
    const key = async (scopes: string[]) =>
      (await deployment.api<{ key: string }>('POST', '/api-keys', { name: 'weak', scopes })).key;
    const run = (args: string[], env = environment()) => runCulvert(['expose', ...args], { env });
    const cases: [number, ReturnType<typeof run>][] = [
      [EXIT.usage, run(['localhost'])],
      [EXIT.usage, run([])],
      [EXIT.usage, run(['3000', '--insecure-target'])],
      [EXIT.usage, run(['3000', '--name', '-x'])],
      [EXIT.notSignedIn, run(['3000'], { HOME: home, CULVERT_URL: `http://localhost:${port}` })],
      [EXIT.notSignedIn, run(['3000'], environment('cvt_unknown-key'))],
      [EXIT.refused, run(['3000'], environment(await key(['previews:write', 'sessions:read'])))],
      [EXIT.refused, run(['3000'], environment(await key(['tunnel', 'sessions:read', 'sessions:write'])))],
      [
        EXIT.unreachable,
        run(['3000'], { ...environment(), CULVERT_URL: `http://127.0.0.1:${await freePort()}` }),
      ],
    ];
    for (const [code, pending] of cases) {
      const ended = await pending;
      expect([ended.code, ended.stdout, ended.stderr]).toEqual([
        code,
        '',
        expect.stringMatching(/\n {2}\S|--help/),
      ]);
    }
    // If the server refuses it after the connection was made, nothing is left either.
    expect((await run([String(targetPort), '--add-request-header', 'host=x'])).code).toBe(EXIT.usage);
    expect(await trafficManagers()).toEqual([]);
    expect((await deployment.api<{ items: object[] }>('GET', '/previews')).items).toEqual([]);
  });

  it('works if nothing can be stored', async () => {
    const file = join(home, 'file');
    writeFileSync(file, '');
    const env = { ...environment(), CULVERT_CONFIG_DIR: join(file, 'below') };
    const program = startCulvert(['expose', String(targetPort)], env);
    running.push(program);
    await program.line(URL_LINE);
    program.kill('SIGINT');
    expect((await program.exited).code).toBe(EXIT.ok);
  });
});
