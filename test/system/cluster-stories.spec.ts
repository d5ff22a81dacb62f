/**
 * What developers and their CI do with a cluster, end to end: Culvert, a traffic manager, agents, pod daemons and
 * workstations, each a process of its own (workstations: this one), over real sockets on the loopback interface.
 */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { InterceptInfo, MeetingClient } from '@culvert/meeting-point';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type ClusterManager,
  draftOf,
  type RunningAgent,
  startAgent,
  startClient,
  startClusterManager,
} from '../support/cluster.js';
import { API_KEY, type Deployment, startDeployment, visit } from '../support/deployment.js';
import { type Program, startProgram } from '../support/process.js';

let cleanUps: (() => unknown)[];
let finalCleanUps: (() => unknown)[];
let culvert: Deployment;
let manager: ClusterManager;
let green: number;
let forgeUrl: string;

beforeAll(async () => {
  cleanUps = [];
  forgeUrl = `http://127.0.0.1:${await forge()}`;
  culvert = await startDeployment({
    PULL_REQUEST_GITHUB_TOKEN: 'token',
    PULL_REQUEST_GITHUB_API_URL: `${forgeUrl}/api/v3`,
  });
  finalCleanUps = [...cleanUps, () => culvert.stop()];
});
afterAll(async () => {
  for (const cleanUp of finalCleanUps.toReversed()) await cleanUp();
});
beforeEach(async () => {
  cleanUps = [];
  green = await service('green');
  manager = await startManager();
});
afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
});

async function listen(server: http.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function service(name: string): Promise<number> {
  return listen(http.createServer((_request, response) => response.end(name)));
}

/** Comments that Culvert wrote on pull requests. */
let comments: string[];
function forge(): Promise<number> {
  comments = [];
  return listen(
    http.createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        response.setHeader('content-type', 'application/json');
        if (request.method === 'GET') return void response.end('[]');
        comments.push(body);
        response.statusCode = request.method === 'POST' ? 201 : 200;
        response.end(JSON.stringify({ id: 1, html_url: `${forgeUrl}/example/orders/pull/17#1` }));
      });
    }),
  );
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

async function agent(port = 0, pod = 'orders-1'): Promise<RunningAgent> {
  const started = await startAgent({ managerUrl: manager.url, applicationPort: green, port, pod });
  cleanUps.push(() => started.program.stop());
  return started;
}

async function workstation(id: string): Promise<MeetingClient & { reported(): Promise<InterceptInfo> }> {
  let last: InterceptInfo | null = null;
  const client = startClient(manager.url, id, { onIntercept: (intercept) => (last = intercept) });
  cleanUps.push(() => client.close());
  await client.whenConnected();
  return Object.assign(client, {
    reported: async () => {
      await expect
        .poll(() => typeof last?.culvertId === 'string' && last.disposition === 'ACTIVE', {
          timeout: 20_000,
          interval: 10,
        })
        .toBe(true);
      return last!;
    },
  });
}

async function colour(port: number, headers: http.OutgoingHttpHeaders = {}): Promise<string> {
  const { status, body } = await visit(port, `127.0.0.1:${port}`, '/', { headers });
  return status === 200 ? body.toString() : String(status);
}

/** As a member of the team. */
async function colourOf(hostname: string): Promise<string> {
  const { status, body } = await visit(culvert.port, hostname, '/', {
    headers: { 'x-culvert-api-key': API_KEY },
  });
  return status === 200 ? body.toString() : String(status);
}

const by = (dev: string) => [{ name: 'x-dev', value: dev }];

describe('a developer', () => {
  it('sees blue with the header and at the preview, everybody else sees green, and all do after leaving', async () => {
    const orders = await agent();
    const alice = await workstation('alice');
    const blue = await service('blue');
    const { id } = await alice.create(draftOf(by('alice')), { host: '127.0.0.1', port: blue });
    const { culvertId } = await alice.reported();
    expect(await colour(orders.port)).toBe('green');
    expect(await colour(orders.port, { 'x-dev': 'alice' })).toBe('blue');
    expect(await culvert.api('GET', `/intercepts/${culvertId}`)).toMatchObject({
      workload: 'orders',
      client: 'alice@laptop',
      disposition: 'ACTIVE',
      headers: { 'x-dev': 'alice' },
    });
    const preview = await culvert.api<{ hostname: string }>('POST', '/previews', {
      interceptId: culvertId,
      ingress: { host: '127.0.0.1', port: orders.port },
    });
    // By the intercept's id alone: the preview adds no header here.
    expect(await colourOf(preview.hostname)).toBe('blue');
    const stranger = await visit(culvert.port, preview.hostname, '/');
    expect(stranger.status).toBe(401);
    await alice.remove(id);
    expect(await colour(orders.port, { 'x-dev': 'alice' })).toBe('green');
    await expect
      .poll(() => culvert.apiStatus('GET', `/intercepts/${culvertId}`).then(({ status }) => status), {
        timeout: 10_000,
      })
      .toBe(404);
  });

  it('shares a workload of two pods with another one, each by a header of their own', async () => {
    const pods = [await agent(), await agent(0, 'orders-2')];
    const [alice, bob] = [await workstation('alice'), await workstation('bob')];
    await alice.create(draftOf(by('alice')), { host: '127.0.0.1', port: await service('blue') });
    await bob.create(draftOf(by('bob')), { host: '127.0.0.1', port: await service('red') });
    await Promise.all([alice.reported(), bob.reported()]);
    for (const { port } of pods) {
      expect(await colour(port)).toBe('green');
      expect(await colour(port, { 'x-dev': 'alice' })).toBe('blue');
      expect(await colour(port, { 'x-dev': 'bob' })).toBe('red');
    }
    await expect(
      bob.create(draftOf(by('alice'), { name: 'second' }), { host: '127.0.0.1', port: 1 }),
    ).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});

describe('a CI image', () => {
  function startDaemon(port: number, ingress: number): Program {
    const program = startProgram(
      'apps/traffic-manager/src/main.js',
      {
        AMBASSADOR_CLOUD_APIKEY: API_KEY,
        CULVERT_MANAGER_URL: manager.url,
        IS_POD_DAEMON: 'True',
        POD_NAMESPACE: 'shop',
        LOG_LEVEL: 'info',
      },
      [
        'pod-daemon',
        '--workload-name=orders',
        '--workload-namespace=shop',
        `--port=${port}`,
        '--http-header=test-telepresence=1',
        '--ingress-tls=false',
        `--ingress-port=${ingress}`,
        '--ingress-host=127.0.0.1',
        `--pull-request=${forgeUrl}/example/orders/pull/17`,
      ],
      ['--max-old-space-size=64'],
    );
    cleanUps.push(() => program.stop());
    return program;
  }

  it('has its URL in the log and on the pull request, gets what is meant for it, and leaves nothing behind', async () => {
    const orders = await agent();
    // Its application is not there yet.
    const image = http.createServer((_request, response) => response.end('blue'));
    const port = await listen(image);
    image.close();
    const daemon = startDaemon(port, orders.port);
    await daemon.logged(/waiting until the application answers/);
    image.listen(port, '127.0.0.1');
    const [, url] = await daemon.line(/^Created preview URL: "(http[^"]+)"$/m);
    const { hostname } = new URL(url);
    await orders.looksFor(1);
    expect(await colourOf(hostname)).toBe('blue');
    expect(await colour(orders.port)).toBe('green');
    expect(await colour(orders.port, { 'test-telepresence': '1' })).toBe('blue');
    await expect.poll(() => comments.join(), { timeout: 20_000 }).toContain(hostname);
    await daemon.logged(/intercept name=\\"orders\\" \(id=\\"[^"]+\\"\) state: ACTIVE/);
    expect(daemon.residentMiB()).toBeLessThan(100);
    expect(await daemon.stop()).toBe(0);
    expect(await colour(orders.port, { 'test-telepresence': '1' })).toBe('green');
    expect(
      (await visit(culvert.port, hostname, '/', { headers: { 'x-culvert-api-key': API_KEY } })).status,
    ).toBe(404);
    expect((await culvert.api<{ items: unknown[] }>('GET', '/previews')).items).toEqual([]);
  });

  it('keeps its URL when its pod daemon is killed, and when the traffic manager is', async () => {
    const orders = await agent();
    const port = await service('blue');
    const first = startDaemon(port, orders.port);
    const [, url] = await first.line(/^Created preview URL: "(http[^"]+)"$/m);
    first.kill('SIGKILL');
    await first.exited;
    const second = startDaemon(port, orders.port);
    expect((await second.line(/^Created preview URL: "(http[^"]+)"$/m))[1]).toBe(url);
    manager.program.kill('SIGKILL');
    await manager.program.exited;
    manager = await startManager(new URL(manager.url).port);
    const again = /^(?:Created preview URL: "(http[^"]+)"\n){2}$/m;
    expect((await second.line(again))[1]).toBe(url);
    await expect.poll(() => colourOf(new URL(url).hostname), { timeout: 20_000 }).toBe('blue');
  });
});

describe('while parts are killed and started again under load', () => {
  it('the agent costs what is under way on its own connections, and serves again once it is back', async () => {
    const orders = await agent();
    const alice = await workstation('alice');
    await alice.create(draftOf(by('alice')), { host: '127.0.0.1', port: await service('blue') });
    await orders.looksFor(1);
    expect(await colour(orders.port, { 'x-dev': 'alice' })).toBe('blue');
    orders.program.kill('SIGKILL');
    await orders.program.exited;
    await expect(colour(orders.port)).rejects.toThrow('ECONNREFUSED');
    const again = await agent(orders.port);
    await again.looksFor(1);
    expect(await colour(again.port, { 'x-dev': 'alice' })).toBe('blue');
    // Told to stop, it finishes what it has.
    expect(await again.program.stop()).toBe(0);
  });

  // The last one: it leaves no Culvert behind.
  it('no request fails when traffic manager or Culvert is, and what is intercepted comes back', async () => {
    const orders = await agent();
    const alice = await workstation('alice');
    await alice.create(draftOf(by('alice')), { host: '127.0.0.1', port: await service('blue') });
    await orders.looksFor(1);
    const counts = new Map<string, number>();
    let isOver = false;
    const keepAlive = new http.Agent({ keepAlive: true });
    cleanUps.push(() => keepAlive.destroy());
    const load = async (headers: http.OutgoingHttpHeaders, label: string): Promise<void> => {
      while (!isOver) {
        const { status, body } = await visit(orders.port, 'orders', '/', { headers, agent: keepAlive });
        const key = `${label} ${status === 200 ? body.toString() : status}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    };
    const workers = [...Array(4).keys()].flatMap(() => [
      load({}, 'plain'),
      load({ 'x-dev': 'alice' }, 'alice'),
    ]);
    const seenAgain = async (key: string): Promise<void> => {
      const before = counts.get(key) ?? 0;
      await expect
        .poll(() => counts.get(key) ?? 0, { timeout: 30_000, interval: 20 })
        .toBeGreaterThan(before + 20);
    };
    await seenAgain('alice blue');
    // The traffic manager: the application answers in the meantime.
    manager.program.kill('SIGKILL');
    await manager.program.exited;
    await seenAgain('alice green');
    manager = await startManager(new URL(manager.url).port);
    await seenAgain('alice blue');
    // Culvert: nothing inside the cluster notices.
    const greens = counts.get('alice green');
    culvert.program.kill('SIGKILL');
    await culvert.program.exited;
    await seenAgain('alice blue');
    expect(counts.get('alice green')).toBe(greens);
    isOver = true;
    await Promise.all(workers);
    expect([...counts.keys()].toSorted()).toEqual(['alice blue', 'alice green', 'plain green']);
  });
});
