/** `culvert intercept` and `culvert leave` as people run them, beside a real cluster and Culvert. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CliRun, EXIT, runCulvert, startCulvert } from '../support/cli.js';
import {
  CLUSTER_SECRET,
  type ClusterManager,
  draftOf,
  type RunningAgent,
  startAgent,
  startClient,
  startClusterManager,
} from '../support/cluster.js';
import { API_KEY, type Deployment, startDeployment, visit } from '../support/deployment.js';
import type { Program } from '../support/process.js';

const WITH_KEY = { 'x-culvert-api-key': API_KEY };
const INTERCEPTING = /^Intercepting orders in shop: requests with (.*) go to (.*)$/m;

let culvert: Deployment;
let manager: ClusterManager;
let agent: RunningAgent;
let home: string;
let green: number;
let blue: number;
let cleanUps: (() => unknown)[] = [];

beforeAll(async () => {
  culvert = await startDeployment();
});
afterAll(() => culvert?.stop());

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  cleanUps = [() => rmSync(home, { recursive: true, force: true })];
  [green, blue] = [await service('green'), await service('blue')];
  manager = await startManager();
  agent = await startAgent({ managerUrl: manager.url, applicationPort: green });
  cleanUps.push(() => agent.program.stop());
});
afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
  // Intercepts whose end a manager had no time to report.
  for (const { id } of (await culvert.api<{ items: { id: string }[] }>('GET', '/intercepts')).items)
    await culvert.apiStatus('DELETE', `/intercepts/${encodeURIComponent(id)}`);
});

async function service(name: string): Promise<number> {
  const server = http.createServer((_request, response) => response.end(name));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function startManager(port = '0'): Promise<ClusterManager> {
  const started = await startClusterManager({
    CULVERT_URL: `http://127.0.0.1:${culvert.port}`,
    CULVERT_API_KEY: API_KEY,
    CULVERT_CLUSTER_PORT: port,
  });
  await started.program.logged(/"msg":"connected"/);
  cleanUps.push(() => started.program.stop());
  return started;
}

const environment = (changes: Record<string, string> = {}): Record<string, string> => ({
  HOME: home,
  CULVERT_URL: `http://localhost:${culvert.port}`,
  CULVERT_API_KEY: API_KEY,
  CULVERT_CLUSTER_URL: manager.url,
  ...changes,
});

/** Starts `culvert intercept orders` without waiting. */
function start(args: readonly string[], env = environment()): Program {
  const program = startCulvert(['intercept', 'orders', '-n', 'shop', '--port', String(blue), ...args], env);
  cleanUps.push(() => program.stop());
  return program;
}

async function intercept(...args: string[]): Promise<Program> {
  const program = start(args);
  await program.line(INTERCEPTING);
  return program;
}

const culvertCommand = (args: readonly string[], env = environment()): Promise<CliRun> =>
  runCulvert(args, { env });

async function color(headers: http.OutgoingHttpHeaders = {}, port = agent.port): Promise<string> {
  const { status, body } = await visit(port, `127.0.0.1:${port}`, '/basket?token=secret', { headers });
  return status === 200 ? body.toString() : String(status);
}

/** Another person, or another machine. */
const elsewhere = (env = environment()): Record<string, string> => ({
  ...env,
  HOME: mkdtempSync(join(home, 'other-')),
});

const asAlice = { 'x-dev': 'alice' };
const byAlice = ['--http-header', 'x-dev=alice'];

describe('culvert intercept', () => {
  it(
    'shows its developer blue, everyone else green, the preview blue to members, and all green after ' +
      'leaving',
    async () => {
      const ingress = ['--ingress-host', '127.0.0.1', '--ingress-port', String(agent.port)];
      const program = await intercept(...byAlice, '--preview-url', ...ingress);
      const [, rules, target] = await program.line(INTERCEPTING);
      expect([rules, target]).toEqual(['x-dev=alice', `localhost:${blue}`]);
      expect(await color()).toBe('green');
      expect(await color(asAlice)).toBe('blue');
      const [, hostname = ''] = await program.line(/^http:\/\/([a-z0-9-]+\.preview\.localhost):\d+$/m);
      expect((await visit(culvert.port, hostname, '/')).status).toBe(401);
      const seen = await visit(culvert.port, hostname, '/shared', { headers: WITH_KEY });
      expect([seen.status, seen.body.toString()]).toEqual([200, 'blue']);
      await program.line(/200 {2}GET +\/basket {2}/);
      await program.line(/200 {2}GET +\/shared {2}/);
      expect(program.stdout).not.toContain('secret');

      expect(await culvertCommand(['leave', 'orders'])).toMatchObject({
        code: EXIT.ok,
        stdout: 'Left orders in shop.\n',
      });
      expect((await program.exited).code).toBe(EXIT.ok);
      expect(await color(asAlice)).toBe('green');
      const { items } = await culvert.api<{ items: object[] }>('GET', '/previews');
      expect(items).toEqual([]);
      expect((await culvertCommand(['leave', 'orders'])).code).toBe(EXIT.notFound);
    },
  );

  it('accepts expressions, requires all of several headers, and intercepts only the named port', async () => {
    // The intercept waits for an agent that has the port. Meanwhile, the other intercepts work.
    const withoutPort = culvertCommand(
      ['intercept', 'orders', '-n', 'shop', '-p', `${blue}:9999`, ...byAlice],
      elsewhere(),
    );
    const program = await intercept('--http-match', 'x-dev=(alice|bob)', '--http-header', 'x-team=web');
    expect(program.stdout).toContain('x-team=web and x-dev=~(alice|bob)');
    expect(await color({ 'x-dev': 'bob' })).toBe('green');
    expect(await color({ 'x-dev': 'bob', 'x-team': 'web' })).toBe('blue');
    program.kill('SIGINT');
    expect((await program.exited).code).toBe(EXIT.ok);
    expect(await color({ 'x-dev': 'bob', 'x-team': 'web' })).toBe('green');
    const ended = await withoutPort;
    expect([ended.code, ended.stderr]).toEqual([EXIT.notFound, expect.stringContaining('no port')]);
  });

  it('without a header intercepts requests by its id alone', async () => {
    const program = await intercept('--http-header', 'auto');
    const [, rules = ''] = await program.line(INTERCEPTING);
    const [name = '', id = ''] = rules.split('=');
    expect(name).toBe('x-telepresence-intercept-id');
    expect([await color(asAlice), await color({ [name]: id })]).toEqual(['green', 'blue']);
  });

  it('resumes by itself after the traffic manager has restarted', async () => {
    const program = await intercept(...byAlice);
    await manager.program.stop();
    await program.logged(/Lost the connection to the traffic manager/);
    expect(await color(asAlice)).toBe('green');
    manager = await startManager(new URL(manager.url).port);
    await program.logged(/Reconnected to the traffic manager/);
    await expect.poll(() => color(asAlice), { timeout: 20_000, interval: 20 }).toBe('blue');
  });

  it('reports that nothing listens here, and serves once something does', async () => {
    const server = http.createServer((_request, response) => response.end('late'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const args = [
      'intercept',
      'orders',
      '-n',
      'shop',
      '-p',
      String(port),
      '--address',
      '127.0.0.1',
      ...byAlice,
    ];
    const program = startCulvert(args, environment());
    cleanUps.push(() => program.stop());
    await program.line(INTERCEPTING);
    await program.logged(/Nothing listens at 127\.0\.0\.1/);
    expect(await color(asAlice)).toBe('502');
    await program.line(/--- .*connection refused/);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    await program.logged(/answers now/);
    expect(await color(asAlice)).toBe('late');
    server.closeAllConnections();
    server.close();
  });

  it('runs a command for as long as that runs, and exits as it does', async () => {
    const script = 'console.log(`ID=${process.env.CULVERT_INTERCEPT_ID}`); process.exit(7)';
    const ended = start([...byAlice, '--', process.execPath, '-e', script]);
    const { code } = await ended.exited;
    expect([code, ended.stdout]).toEqual([7, expect.stringMatching(/^ID=[0-9a-f-]{36}:orders$/m)]);
    expect(await color(asAlice)).toBe('green');
    const missing = start([...byAlice, '--', 'no-such-command']);
    expect([(await missing.exited).code, missing.stderr]).toEqual([
      EXIT.local,
      expect.stringContaining('no-such-command'),
    ]);
  });

  it('ends the command that it runs when it is left', async () => {
    const script =
      'process.on("SIGTERM", () => process.exit(5)); console.log("runs"); setInterval(() => {}, 1000)';
    const program = start([...byAlice, '--', process.execPath, '-e', script]);
    await program.line(/^runs$/m);
    expect((await culvertCommand(['leave', 'orders', '-n', 'shop'])).code).toBe(EXIT.ok);
    expect((await program.exited).code).toBe(5);
  });

  it('can be left from another terminal, also after a crash', async () => {
    const program = await intercept(...byAlice);
    program.kill('SIGKILL');
    await program.exited;
    const left = await culvertCommand(['leave', 'orders', '-o', 'json']);
    expect([left.code, JSON.parse(left.stdout)]).toEqual([EXIT.ok, [{ name: 'orders', namespace: 'shop' }]]);
    await expect
      .poll(async () => (await culvertCommand(['list'])).stderr, { timeout: 20_000 })
      .toContain('Nothing is intercepted');
  });

  it('explains what to do about a conflict, with another person and with oneself', async () => {
    const bob = startClient(manager.url, 'bob');
    cleanUps.push(() => bob.close());
    await bob.create(draftOf([{ name: 'x-dev', value: 'alice' }]), { host: '127.0.0.1', port: 1 });
    const refused = start(byAlice);
    expect((await refused.exited).code).toBe(EXIT.conflict);
    expect(refused.stderr).toMatch(/bob@laptop already intercepts orders.*\n.*--http-header/);
    await intercept('--http-header', 'x-dev=carol');
    const again = start(['--http-header', 'x-dev=dan']);
    expect((await again.exited).code).toBe(EXIT.conflict);
    expect(again.stderr).toContain('culvert leave orders');
    // A person cannot leave another person's intercept.
    expect(
      (await culvertCommand(['leave', 'orders', '--manager', `${manager.url}/`, '-n', 'other'])).code,
    ).toBe(EXIT.notFound);
  });

  it('works with only the secret of the cluster, without Culvert', async () => {
    const program = start(byAlice, {
      HOME: home,
      CULVERT_CLUSTER_URL: manager.url.replace('http://', ''),
      CULVERT_CLUSTER_SECRET: CLUSTER_SECRET,
    });
    await program.line(INTERCEPTING);
    expect(await color(asAlice)).toBe('blue');
  });

  it('prints JSON for programs', async () => {
    const program = start([...byAlice, '-o', 'json']);
    const [first] = await program.line(/^\{.*\}$/m);
    expect(JSON.parse(first)).toMatchObject({
      type: 'intercept',
      workload: 'orders',
      disposition: 'ACTIVE',
      headers: [{ name: 'x-dev', value: 'alice' }],
      target: `localhost:${blue}`,
    });
    await color(asAlice);
    const [, second = ''] = await program.line(/^\{.*\}\n(\{.*\})$/m);
    expect(JSON.parse(second)).toMatchObject({
      type: 'request',
      method: 'GET',
      path: '/basket',
      status: 200,
    });
  });

  it('reports the cause by its exit code', async () => {
    const run = (args: readonly string[], env = environment()) =>
      culvertCommand(['intercept', ...args], elsewhere(env));
    const { CULVERT_CLUSTER_URL: _, ...noManager } = environment();
    const cases: [number, Promise<CliRun>][] = [
      [EXIT.usage, run(['orders'])],
      [EXIT.usage, run(['orders', '-p', 'x'])],
      [EXIT.usage, run(['orders', '-p', '80'], noManager)],
      [EXIT.usage, run(['orders', '-p', '80', '--http-header', 'x-dev'])],
      [EXIT.usage, run(['orders', '-p', '80', '--http-header', 'x-dev=('])],
      [EXIT.usage, run(['or ders', '-p', '80'])],
      [EXIT.notSignedIn, run(['orders', '-p', '80'], { HOME: home, CULVERT_CLUSTER_URL: manager.url })],
      [
        EXIT.notSignedIn,
        run(['orders', '-p', '80'], environment({ CULVERT_CLUSTER_SECRET: 'not-the-secret-here' })),
      ],
      [EXIT.notFound, run(['no-such-workload', '-p', String(blue), ...byAlice])],
      [EXIT.unreachable, run(['orders', '-p', '80', '--manager', 'http://127.0.0.1:9'])],
      [EXIT.unreachable, run(['orders', '-p', '80', '--manager', `http://127.0.0.1:${green}`])],
      // The URL of Culvert instead of that of the traffic manager.
      [EXIT.unreachable, run(['orders', '-p', '80', '--manager', `http://127.0.0.1:${culvert.port}`])],
    ];
    for (const [code, pending] of cases) {
      const ended = await pending;
      expect([ended.code, ended.stdout, ended.stderr]).toEqual([
        code,
        '',
        expect.stringMatching(/\n {2}\S|--help/),
      ]);
    }
    const [, atEdge] = cases.at(-1) as (typeof cases)[number];
    expect((await atEdge).stderr).not.toContain('Reconnecting');
  });
});

describe('culvert list', () => {
  it('shows the workloads of the cluster and who intercepts them', async () => {
    await intercept(...byAlice);
    const text = await culvertCommand(['list']);
    expect(text.stdout).toMatch(/^orders +shop +Deployment +1 +http:\d+|^orders +shop +Deployment +1 +\d+/m);
    expect(text.stdout).toMatch(/^orders +shop +orders +\S+@\S+ +active +x-dev=alice/m);
    expect(JSON.parse((await culvertCommand(['list', '-o', 'json'])).stdout)).toMatchObject([
      { workload: 'orders', namespace: 'shop', disposition: 'ACTIVE', headers: { 'x-dev': 'alice' } },
    ]);
    expect(JSON.parse((await culvertCommand(['list', '--workloads', '-o', 'json'])).stdout)).toMatchObject([
      { workload: 'orders', namespace: 'shop', agents: 1 },
    ]);
  });

  it('works without Culvert, with the secret of the cluster', async () => {
    const env = { HOME: home, CULVERT_CLUSTER_URL: manager.url, CULVERT_CLUSTER_SECRET: CLUSTER_SECRET };
    const listed = await culvertCommand(['list'], env);
    expect([listed.code, listed.stdout]).toEqual([EXIT.ok, expect.stringMatching(/^orders +shop/m)]);
  });
});

describe('culvert status', () => {
  it('shows what runs on this machine', async () => {
    await intercept(...byAlice);
    expect(JSON.parse((await culvertCommand(['status', '-o', 'json'])).stdout)).toMatchObject({
      running: [{ kind: 'intercept', name: 'shop/orders', target: `localhost:${blue}` }],
    });
    expect((await culvertCommand(['status'])).stdout).toMatch(/^intercept +shop\/orders +localhost:\d+ +-/m);
  });
});
