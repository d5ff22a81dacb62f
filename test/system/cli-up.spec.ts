/** `culvert up` as people run it: a separate process with a file, beside a real standalone. */
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import type net from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { EXIT, runCulvert, startCulvert } from '../support/cli.js';
import { API_KEY, type Deployment, startDeployment, visit } from '../support/deployment.js';
import type { Program } from '../support/process.js';

const WITH_KEY = { 'x-culvert-api-key': API_KEY };

let port: number;
let deployment: Deployment;
let home: string;
let file: string;
const services: http.Server[] = [];
const running: Program[] = [];

beforeAll(async () => {
  // Two balancers, one after the other, if visits say so.
  deployment = await startDeployment({ TRUSTED_PROXIES: '127.0.0.1,10.0.0.5' });
  ({ port } = deployment);
});
afterAll(() => deployment?.stop());

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  file = join(home, 'culvert.yaml');
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((program) => program.stop()));
  // A test that failed may have left one in the background.
  if (hasRuns()) await runCulvert(['down', '--file', file], { env: environment() }).catch(() => undefined);
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

/** Reports whether this person's machine has the record of a run, which is removed at its end. */
function hasRuns(): boolean {
  const folder = join(home, '.config/culvert/running');
  return existsSync(folder) && readdirSync(folder).length > 0;
}

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

async function bodyOf(
  hostname: string,
  path = '/',
  options: { method?: string; body?: Buffer; headers?: http.OutgoingHttpHeaders } = {},
) {
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

  it('has the same URL after its process was killed, and follows a file that an editor replaces', async () => {
    const [a, b] = [await startService('a'), await startService('b')];
    const first = up(`endpoints: { web: { target: ${a} } }\n`);
    const web = await hostnameOf(first, 'web');
    first.kill('SIGKILL');
    await first.exited;
    const second = up(`endpoints: { web: { target: ${a} } }\n`);
    expect(await hostnameOf(second, 'web')).toBe(web);
    writeFileSync(`${file}.new`, `endpoints: { web: { target: ${b} } }\n`);
    renameSync(`${file}.new`, file);
    await second.logged(/^web \| changed\.$/m);
    expect(await bodyOf(web)).toMatchObject([200, { name: 'b' }]);
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
    // The visitor 203.0.113.9 sent the first address; the balancers added the others.
    const forged = { 'x-forwarded-for': '6.6.6.6, 203.0.113.9, 10.0.0.5', forwarded: 'for=6.6.6.6' };
    for (const path of ['/', '/api/users'])
      expect(await bodyOf(shop, path, { headers: { ...WITH_KEY, ...forged } })).toMatchObject([
        200,
        { headers: { 'x-forwarded-for': '203.0.113.9' } },
      ]);
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

  it('applies a saved file to what changed, while a download of an endpoint continues', async () => {
    const [a, b, c] = [await startService('a', stall), await startService('b'), await startService('c')];
    const contentOf = (api: string): string => `endpoints:\n  web: { target: ${a} }\n  ${api}\n`;
    const program = up(contentOf(`api: { target: ${b} }`));
    const [web, api] = [await hostnameOf(program, 'web'), await hostnameOf(program, 'api')];
    const download = await openDownload(web);

    writeFileSync(file, contentOf(`api: { target: ${c}, access: public }`));
    await program.logged(/^api \| changed\.$/m);
    expect(JSON.parse((await visit(port, api, '/')).body.toString())).toMatchObject({ name: 'c' });

    writeFileSync(file, contentOf(`api: { target: 0 }`));
    await program.logged(/culvert\.yaml:3:18: endpoints\.api\.target: must be a port/);
    await program.logged(/^The file was not applied\./m);
    expect((await visit(port, api, '/')).status).toBe(200);

    writeFileSync(file, contentOf(`more: { target: ${b} }`));
    await program.logged(/^api \| removed\.$/m);
    const more = await hostnameOf(program, 'more');
    expect(await bodyOf(more)).toMatchObject([200, { name: 'b' }]);
    expect((await visit(port, api, '/', { headers: WITH_KEY })).status).not.toBe(200);

    expect(await download.finish()).toBe('beginning end');
  });

  it('lets endpoints exchange their targets, and adds one whose target another had', async () => {
    const [a, b] = [await startService('a'), await startService('b')];
    const program = up(`endpoints:\n  one: { target: ${a} }\n  two: { target: ${b} }\n`);
    const [one, two] = [await hostnameOf(program, 'one'), await hostnameOf(program, 'two')];
    writeFileSync(file, `endpoints:\n  one: { target: ${b} }\n  two: { target: ${a} }\n`);
    await program.logged(/^two \| changed\.$/m);
    expect(await bodyOf(one)).toMatchObject([200, { name: 'b' }]);
    expect(await bodyOf(two)).toMatchObject([200, { name: 'a' }]);
    writeFileSync(file, `endpoints:\n  three: { target: ${b} }\n  two: { target: ${a} }\n`);
    const three = await hostnameOf(program, 'three');
    expect(await bodyOf(three)).toMatchObject([200, { name: 'b' }]);
    expect(await bodyOf(two)).toMatchObject([200, { name: 'a' }]);
  });

  it('reports services that do not answer, behind a path too, and serves gRPC by HTTP/2', async () => {
    const page = await startService('page');
    const grpc = http2.createServer((request, response) => {
      response.end(JSON.stringify({ version: request.httpVersion, path: request.url }));
    });
    const grpcPort = await listen(grpc);
    const program = up(
      `endpoints:\n  down: { target: "127.0.0.1:1" }\n  shop: { paths: { /: ${page}, /api: "127.0.0.1:2" } }\n` +
        `  grpc: { target: ${grpcPort}, protocol: h2c, access: public, expires: 1h }\n`,
    );
    await program.logged(/^down \| Nothing listens at 127\.0\.0\.1:1 /m);
    await program.logged(/^shop \| Nothing listens at 127\.0\.0\.1:2 /m);
    const shop = await hostnameOf(program, 'shop');
    expect((await bodyOf(shop, '/api'))[0]).toBe(502);
    expect(await bodyOf(shop)).toMatchObject([200, { name: 'page' }]);
    expect(await bodyOf(await hostnameOf(program, 'grpc'), '/a.B/C')).toEqual([
      200,
      { version: '2.0', path: '/a.B/C' },
    ]);
    grpc.close();
  });

  it('reports URLs that a member removed, and ends with the last one', async () => {
    const [a, b] = [await startService('a'), await startService('b')];
    const program = up(`endpoints:\n  one: { target: ${a} }\n  two: { target: ${b} }\n`);
    const [one, two] = [await hostnameOf(program, 'one'), await hostnameOf(program, 'two')];
    await removePreview(one);
    await removePreview(two);
    for (const name of ['one', 'two'])
      await program.logged(new RegExp(`^${name} \\| http\\S+ no longer exists`, 'm'));
    expect(await program.exited).toMatchObject({ code: EXIT.notFound });
  });

  it('names the field of the file that the server refuses, and keeps what runs', async () => {
    const a = await startService('a');
    const program = up(`endpoints:\n  web: { target: ${a} }\n`);
    const web = await hostnameOf(program, 'web');
    writeFileSync(file, `endpoints:\n  web: { target: ${a}, expires: "2020-01-31T12:00:00Z" }\n`);
    await program.logged(/^web \| not changed: .*expires/m);
    expect(await bodyOf(web)).toMatchObject([200, { name: 'a' }]);
  });

  it('starts commands in groups of their own, shows their output, and ends all that they started', async () => {
    const script = join(home, 'server.mjs');
    writeFileSync(
      script,
      `import http from 'node:http';
import http2 from 'node:http2';
      import { spawn } from 'node:child_process';
      const child = spawn('sleep', ['600']);
      http.createServer((_, response) => response.end(process.env.GREETING))
        .listen(0, '127.0.0.1', function () { console.log('listens', this.address().port, child.pid, process.env.CULVERT_PREVIEW_URL); });`,
    );
    const free = await startService('web');
    const program = up(
      `endpoints:\n  web:\n    target: ${free}\n    command: [${process.execPath}, server.mjs]\n    env: { GREETING: hello }\n` +
        `  other:\n    target: 127.0.0.1:9\n    command: echo gone; exit 3\n`,
    );
    const hostname = await hostnameOf(program, 'web');
    const [, pid] = await program.line(
      new RegExp(String.raw`^web \| listens \d+ (\d+) http://${hostname}:\d+$`, 'm'),
    );
    await program.line(/^other \| gone$/m);
    await program.logged(/^other \| the command ended with exit code 3\. The URL stays/m);
    expect(isRunning(Number(pid))).toBe(true);
    program.kill('SIGTERM');
    expect(await program.exited).toMatchObject({ code: EXIT.ok });
    await expect.poll(() => isRunning(Number(pid))).toBe(false);
  });

  it.each([
    ['when its time is over', 1, EXIT.ok],
    ['at once at a second signal', 2, 130],
  ])('kills a command that ignores SIGTERM, %s', async (_when, signals, code) => {
    const target = await startService('web');
    const program = up(
      `endpoints:\n  web:\n    target: ${target}\n    command: trap '' TERM; echo pid $$$$; while :; do sleep 1; done\n`,
    );
    const [, pid] = await program.line(/^web \| pid (\d+)$/m);
    await program.logged(/^Changes of/m);
    program.kill('SIGINT');
    await program.logged(/^Ending\./m);
    if (signals > 1) program.kill('SIGINT');
    expect(await program.exited).toMatchObject({ code });
    await expect.poll(() => isRunning(Number(pid))).toBe(false);
  });

  it('reports a command that cannot be started, and serves its endpoint all the same', async () => {
    const target = await startService('web');
    const program = up(`endpoints:\n  web:\n    target: ${target}\n    command: [/nowhere/program]\n`);
    const hostname = await hostnameOf(program, 'web');
    await program.logged(/^web \| the command cannot be started: .*ENOENT/m);
    expect(await bodyOf(hostname)).toMatchObject([200, { name: 'web' }]);
  });

  it('runs in the background until it is ended, with a log and one endpoint after another', async () => {
    const [a, b] = [await startService('a'), await startService('b')];
    writeFileSync(file, `endpoints:\n  web: { target: ${a} }\n  api: { target: ${b} }\n`);
    const culvertAlone = (...args: string[]) => runCulvert(args, { env: environment() });
    const culvert = (...args: string[]) => culvertAlone(...args, '--file', file);
    const started = await culvert('up', '--detach');
    expect(started).toMatchObject({ code: EXIT.ok });
    const [, web = ''] = /^web {2}http:\/\/([a-z0-9-]+\.preview\.localhost):/m.exec(started.stdout) ?? [];
    const [, api = ''] = /^api {2}http:\/\/([a-z0-9-]+\.preview\.localhost):/m.exec(started.stdout) ?? [];
    expect(await bodyOf(web, '/seen')).toMatchObject([200, { name: 'a' }]);
    expect(await bodyOf(api)).toMatchObject([200, { name: 'b' }]);
    await expect.poll(async () => (await culvert('logs', 'web')).stdout).toMatch(/^web \| .*GET +\/seen/m);
    expect((await culvert('logs', 'web')).stdout).not.toMatch(/^api/m);
    expect(await culvert('up')).toMatchObject({ code: EXIT.conflict });
    // No test may open a browser: there is no display.
    expect(await culvert('open', 'web')).toMatchObject({
      code: EXIT.local,
      stderr: expect.stringContaining(`Open http://${web}:`),
    });
    expect(await culvert('open')).toMatchObject({
      code: EXIT.usage,
      stderr: expect.stringContaining('web, api'),
    });

    expect(await culvert('down', 'api')).toMatchObject({
      code: EXIT.ok,
      stdout: expect.stringMatching(/^api  ended/),
    });
    expect((await visit(port, api, '/', { headers: WITH_KEY })).status).not.toBe(200);
    expect(await bodyOf(web)).toMatchObject([200, { name: 'a' }]);
    expect(await culvert('up', 'api')).toMatchObject({ code: EXIT.ok });
    await expect.poll(async () => (await bodyOf(api))[0]).toBe(200);

    const { stdout: status } = await culvertAlone('status', '--output', 'json');
    expect(JSON.parse(status).running).toMatchObject([
      { kind: 'up', name: expect.stringMatching(/\/web$/), target: `localhost:${a}` },
      { kind: 'up', name: expect.stringMatching(/\/api$/) },
    ]);
    const following = startCulvert(['logs', '--follow', '--file', file], environment());
    running.push(following);
    await following.line(/^web {2}http/m);
    expect(await culvert('down', '--remove')).toMatchObject({ code: EXIT.ok });
    expect(await following.exited).toMatchObject({ code: EXIT.ok });
    // The URLs are removed: the run must not claim that it kept them.
    const log = async () => (await culvert('logs')).stdout;
    await expect.poll(log).toContain('Ended by "culvert down --remove".');
    expect(await log()).not.toContain('Kept the URLs');
    expect((await deployment.api<{ items: unknown[] }>('GET', '/previews')).items).toEqual([]);
    expect(await culvert('down')).toMatchObject({ code: EXIT.ok, stderr: expect.stringMatching(/is up/) });

    // A run in a terminal has its output there: the log of the run before would be mistaken for it.
    const inTerminal = startCulvert(['up', 'web', '--file', file], environment());
    running.push(inTerminal);
    await inTerminal.line(/^web {2}http/m);
    expect(await culvert('logs')).toMatchObject({
      code: EXIT.conflict,
      stdout: '',
      stderr: expect.stringContaining('not in the background'),
    });
  });

  it('runs a file that was found above in the background, and ends it from another folder below', async () => {
    writeFileSync(file, `endpoints: { web: { target: ${await startService('a')} } }\n`);
    const [inner, other] = [join(home, 'project', 'inner'), join(home, 'project', 'other')];
    for (const folder of [inner, other]) mkdirSync(folder, { recursive: true });
    const started = await runCulvert(['up', '--detach'], { env: environment(), cwd: inner });
    expect(started).toMatchObject({ code: EXIT.ok, stdout: expect.stringMatching(/^web {2}http:/) });
    const ended = await runCulvert(['down'], { env: environment(), cwd: other });
    expect(ended).toMatchObject({ code: EXIT.ok, stdout: expect.stringMatching(/^web {2}ended/) });
  });

  it('shows why a run in the background does not start', async () => {
    writeFileSync(
      file,
      'url: http://localhost:1\napiKey: ${CULVERT_API_KEY}\nendpoints: { web: { target: 3000 } }\n',
    );
    const { CULVERT_URL: _url, ...env } = environment();
    const run = await runCulvert(['up', '--detach', '--file', file], { env });
    expect(run).toMatchObject({ code: EXIT.unreachable, stderr: expect.stringMatching(/localhost:1/) });
  });

  it('refuses a file with secrets that others may read', async () => {
    writeFileSync(file, 'endpoints:\n  web:\n    target: 3000\n    addRequestHeaders: { x-api-key: abc }\n', {
      mode: 0o644,
    });
    const run = await runCulvert(['up', '--check', '--file', file], { env: environment() });
    expect(run).toMatchObject({
      code: EXIT.usage,
      stderr: expect.stringMatching(/culvert\.yaml:4:37: .*chmod 600/s),
    });
    expect(run.stderr).not.toContain('abc');
    chmodSync(file, 0o600);
    expect(await runCulvert(['up', '--check', '--file', file], { env: environment() })).toMatchObject({
      code: EXIT.ok,
    });
  });
});

async function removePreview(hostname: string): Promise<void> {
  const { items } = await deployment.api<{ items: { id: string; hostname: string }[] }>('GET', '/previews');
  const found = items.find((preview) => preview.hostname === hostname);
  expect(await deployment.apiStatus('DELETE', `/previews/${found?.id}`)).toMatchObject({ status: 204 });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Answers with a beginning, and ends when the request for `/finish` comes. */
const stalled: http.ServerResponse[] = [];
function stall(request: http.IncomingMessage, response: http.ServerResponse): void {
  if (request.url === '/finish') {
    for (const each of stalled.splice(0)) each.end('end');
    response.end('{}');
    return;
  }
  response.write('beginning ');
  stalled.push(response);
}

/** Opens a download that the service completes after another request. */
async function openDownload(hostname: string): Promise<{ finish(): Promise<string> }> {
  const request = http.get({ host: '127.0.0.1', port, headers: { host: hostname, ...WITH_KEY } });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await once(response, 'data');
  return {
    finish: async () => {
      const ended = once(response, 'end');
      await bodyOf(hostname, '/finish');
      await ended;
      return text;
    },
  };
}
