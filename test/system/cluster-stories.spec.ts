/**
 * What developers and their CI do with a cluster, end to end: Culvert, a forge, a traffic manager, pods with agents and
 * pod daemons, workstations and visitors, each on a host of its own. `PLAN` says which are in the cluster and which on
 * the internet: visitors and Culvert have no route into the cluster.
 */
import type { InterceptInfo } from '@culvert/meeting-point';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type ClusterManager,
  PREVIEW_LINE,
  type RunningAgent,
  startAgent,
  startClusterManager,
  startPodDaemon,
} from '../support/cluster.js';
import { API_KEY } from '../support/deployment.js';
import { createHosts, type Host, type Hosts, request } from '../support/hosts.js';
import { type Program, startProgram } from '../support/process.js';

const PLAN = {
  culvert: ['internet'],
  forge: ['internet'],
  visitor: ['internet'],
  manager: ['internet', 'cluster'],
  alice: ['internet', 'cluster'],
  bob: ['internet', 'cluster'],
  ci: ['internet', 'cluster'],
  orders1: ['cluster'],
  orders2: ['cluster'],
} as const;
type HostName = keyof typeof PLAN;

interface Place {
  readonly address: string;
  readonly port: number;
}

let hosts: Hosts<HostName>;
let of: Readonly<Record<HostName, Host>>;
let culvert: Place;
let forge: Place;
let comments: Program;
let manager: ClusterManager;
/** Everything that was started, in that order: for all tests, and for one. */
const kept: { stop(): unknown }[] = [];
let started: { stop(): unknown }[];

beforeAll(async () => {
  hosts = await createHosts(PLAN);
  ({ of } = hosts);
  console.log(`the hosts are ${hosts.kind}${hosts.reason && ` (${hosts.reason})`}`);
  forge = { address: of.forge.address('internet'), port: await of.forge.port(80) };
  comments = startProgram(
    'test/support/processes/forge.js',
    {},
    [forge.address, String(forge.port)],
    [],
    of.forge.via,
  );
  kept.push(comments);
  await comments.line(/^listening$/m);
  await startCulvert();
});
afterAll(async () => {
  for (const program of kept.toReversed()) await program.stop();
  await hosts?.remove();
});
beforeEach(async () => {
  started = [];
  manager = await startManager(String(await of.manager.port(8085)));
});
afterEach(async () => {
  for (const program of started.toReversed()) await program.stop();
});

async function startCulvert(): Promise<void> {
  culvert = { address: of.culvert.address('internet'), port: await of.culvert.port(80) };
  const program = startProgram(
    'apps/standalone/src/main.js',
    {
      PORT: String(culvert.port),
      APP_HOST: `${culvert.address}:${culvert.port}`,
      // Its host has no route to a database server.
      DATA_DIR: 'memory',
      CULVERT_BOOTSTRAP_API_KEY: API_KEY,
      PULL_REQUEST_GITHUB_TOKEN: 'token',
      PULL_REQUEST_GITHUB_API_URL: `http://${forge.address}:${forge.port}/api/v3`,
      LOG_LEVEL: 'info',
    },
    [],
    [],
    of.culvert.via,
  );
  kept.push(program);
  await program.line(/^Dashboard /m);
}

async function startManager(port: string): Promise<ClusterManager> {
  const { program, url } = await startClusterManager(
    {
      CULVERT_URL: `http://${culvert.address}:${culvert.port}`,
      CULVERT_API_KEY: API_KEY,
      CULVERT_CLUSTER_PORT: port,
    },
    [],
    of.manager.via,
  );
  started.push(program);
  await program.logged(/"msg":"connected"/);
  return { program, url: `http://${of.manager.address('cluster')}:${new URL(url).port}` };
}

/** Starts an application that answers with its color, only on this host. */
async function application(host: Host, answer: string): Promise<number> {
  const port = await host.port(8080);
  const program = startProgram('test/support/processes/color.js', {}, [String(port), answer], [], host.via);
  started.push(program);
  await program.line(/^listening$/m);
  return port;
}

interface Pod extends Place {
  readonly agent: RunningAgent;
}

/** Starts a pod of `orders`: the live application with an agent in front. */
async function pod(host: Host): Promise<Pod> {
  const agent = await startAgent({
    managerUrl: manager.url,
    applicationPort: await application(host, 'green'),
    port: await host.port(9900),
    pod: host.name,
    via: host.via,
  });
  started.push(agent.program);
  return { agent, address: host.address('cluster'), port: agent.port };
}

interface Workstation {
  readonly program: Program;
  /** Resolves once Culvert knows the intercept, and every agent applies it. */
  reported(): Promise<InterceptInfo>;
}

/** A developer who intercepts `orders` by `x-dev`, for an application on their own host. */
function workstation(host: Host, dev: string, answer: string, name = 'orders'): Workstation {
  const program = startProgram(
    'test/support/processes/workstation.js',
    {},
    [manager.url, host.name, name, `x-dev=${dev}`, answer],
    [],
    host.via,
  );
  started.push(program);
  return {
    program,
    reported: async () => {
      const active = /^intercept (\{.*"disposition":"ACTIVE".*"culvertId":"[^"]+".*\})$/m;
      return JSON.parse((await program.line(active))[1]) as InterceptInfo;
    },
  };
}

/** Returns the response to a caller inside the cluster. */
async function color(place: Place, headers: Record<string, string> = {}, from = of.alice): Promise<string> {
  const { status, body } = await request(from, place, { headers: { host: 'orders.shop', ...headers } });
  return status === 200 ? body : String(status);
}

/** Returns the response to a visitor on the internet, as a member of the team. */
async function colorOf(hostname: string, credential = { 'x-culvert-api-key': API_KEY }): Promise<string> {
  const { status, body } = await request(of.visitor, culvert, { headers: { host: hostname, ...credential } });
  return status === 200 ? body : String(status);
}

async function api<T>(method: string, path: string, body?: object): Promise<T> {
  const answer = await request(of.visitor, culvert, {
    method,
    path: `/api/v1${path}`,
    headers: { authorization: `Bearer ${API_KEY}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
  return (answer.body === '' ? null : JSON.parse(answer.body)) as T;
}

async function statusOf(path: string): Promise<number> {
  const headers = { authorization: `Bearer ${API_KEY}` };
  return (await request(of.visitor, culvert, { path: `/api/v1${path}`, headers })).status;
}

describe('a developer', () => {
  it('sees blue with the header and at the preview, everyone else sees green, and all do after leaving', async () => {
    const orders = await pod(of.orders1);
    const alice = workstation(of.alice, 'alice', 'blue');
    const { culvertId } = await alice.reported();
    expect(await color(orders)).toBe('green');
    expect(await color(orders, { 'x-dev': 'alice' })).toBe('blue');
    expect(await api('GET', `/intercepts/${culvertId}`)).toMatchObject({
      workload: 'orders',
      client: 'alice@laptop',
      disposition: 'ACTIVE',
      headers: { 'x-dev': 'alice' },
    });
    const preview = await api<{ hostname: string }>('POST', '/previews', {
      interceptId: culvertId,
      ingress: { host: orders.address, port: orders.port },
    });
    // The request matches by the intercept's ID alone: the preview adds no header here.
    expect(await colorOf(preview.hostname)).toBe('blue');
    expect(await colorOf(preview.hostname, { 'x-culvert-api-key': '' })).toBe('401');
    expect(await alice.program.stop()).toBe(0);
    expect(await color(orders, { 'x-dev': 'alice' })).toBe('green');
    await expect.poll(() => statusOf(`/intercepts/${culvertId}`), { timeout: 10_000 }).toBe(404);
  });

  it('shares a workload of two pods with another one, each by a header of their own', async () => {
    const pods = [await pod(of.orders1), await pod(of.orders2)];
    const developers = [workstation(of.alice, 'alice', 'blue'), workstation(of.bob, 'bob', 'red')];
    await Promise.all(developers.map((developer) => developer.reported()));
    for (const orders of pods) {
      expect(await color(orders)).toBe('green');
      expect(await color(orders, { 'x-dev': 'alice' })).toBe('blue');
      expect(await color(orders, { 'x-dev': 'bob' })).toBe('red');
    }
    const second = workstation(of.bob, 'alice', 'black', 'second');
    expect((await second.program.line(/^refused (.*)$/m))[1]).toBe('CONFLICT');
  });

  it('has a preview of a service that neither visitors nor Culvert could connect to', async ({ skip }) => {
    if (hosts.kind !== 'network namespaces') skip('loopback leads everywhere');
    const orders = await pod(of.orders1);
    const { culvertId } = await workstation(of.alice, 'alice', 'blue').reported();
    for (const outside of [of.visitor, of.culvert]) {
      await expect(color(orders, {}, outside)).rejects.toMatchObject({ code: 'ENETUNREACH' });
      const meetingPoint = {
        address: of.manager.address('cluster'),
        port: Number(new URL(manager.url).port),
      };
      await expect(color(meetingPoint, {}, outside)).rejects.toMatchObject({ code: 'ENETUNREACH' });
    }
    // A pod has no route out either: everything it gets comes through the traffic manager.
    await expect(color(culvert, {}, of.orders1)).rejects.toMatchObject({ code: 'ENETUNREACH' });
    const { hostname } = await api<{ hostname: string }>('POST', '/previews', {
      interceptId: culvertId,
      ingress: { host: orders.address, port: orders.port },
    });
    expect(await colorOf(hostname)).toBe('blue');
  });
});

describe('a CI image', () => {
  function startDaemon(port: number, ingress: Place): Program {
    const program = startPodDaemon({
      managerUrl: manager.url,
      apiKey: API_KEY,
      port,
      ingress: { host: ingress.address, port: ingress.port },
      args: [`--pull-request=http://${forge.address}:${forge.port}/example/orders/pull/17`],
      nodeArgs: ['--max-old-space-size=64'],
      via: of.ci.via,
    });
    started.push(program);
    return program;
  }

  it('has its URL in the log and on the pull request, gets its requests, and leaves nothing behind', async () => {
    const orders = await pod(of.orders1);
    const port = await of.ci.port(8081);
    // Its application is not there yet.
    const daemon = startDaemon(port, orders);
    await daemon.logged(/waiting for the application to answer/);
    const image = startProgram('test/support/processes/color.js', {}, [String(port), 'blue'], [], of.ci.via);
    started.push(image);
    const [, url] = await daemon.line(PREVIEW_LINE);
    const { hostname } = new URL(url);
    await orders.agent.looksFor(1);
    expect(await colorOf(hostname)).toBe('blue');
    expect(await color(orders)).toBe('green');
    expect(await color(orders, { 'test-telepresence': '1' })).toBe('blue');
    await comments.line(new RegExp(`^comment .*${hostname.replaceAll('.', '\\.')}`, 'm'));
    await daemon.logged(/intercept name=\\"orders\\" \(id=\\"[^"]+\\"\) state: ACTIVE/);
    expect(await daemon.stop()).toBe(0);
    expect(await color(orders, { 'test-telepresence': '1' })).toBe('green');
    expect(await colorOf(hostname)).toBe('404');
    expect((await api<{ items: unknown[] }>('GET', '/previews')).items).toEqual([]);
  });

  it('keeps its URL when its pod daemon or the traffic manager is killed', async () => {
    const orders = await pod(of.orders1);
    const port = await application(of.ci, 'blue');
    const first = startDaemon(port, orders);
    const [, url] = await first.line(PREVIEW_LINE);
    first.kill('SIGKILL');
    await first.exited;
    const second = startDaemon(port, orders);
    expect((await second.line(PREVIEW_LINE))[1]).toBe(url);
    manager.program.kill('SIGKILL');
    await manager.program.exited;
    manager = await startManager(new URL(manager.url).port);
    const again = /^(?:Created preview URL: "(http[^"]+)"\n){2}$/m;
    expect((await second.line(again))[1]).toBe(url);
    await expect.poll(() => colorOf(new URL(url).hostname), { timeout: 20_000 }).toBe('blue');
  });
});
