/**
 * The network between two edges loses every packet, in both directions or in one, while both still reach Redis, Postgres,
 * the third edge and their traffic managers. Each edge has a network namespace of its own: TCP does not notice the loss,
 * as it would notice a proxy that closes, and keeps sending.
 */
import http from 'node:http';
import { mkdirSync } from 'node:fs';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, type TestContext } from 'vitest';
import { TemporaryFolder } from '../services/server.js';
import { createDatabase } from '../support/database.js';
import { API_KEY, type Deployment, deploymentOf, type Preview } from '../support/deployment.js';
import { createHosts, type Host, type Hosts, request } from '../support/hosts.js';
import { freePort } from '../support/network.js';
import { type Program, startProgram } from '../support/process.js';

/** Links use the network of the cluster, everything else the internet. */
const PLAN = {
  a: ['internet', 'cluster'],
  b: ['internet', 'cluster'],
  c: ['internet', 'cluster'],
  outside: ['internet'],
} as const;
type HostName = keyof typeof PLAN;
type EdgeName = 'a' | 'b' | 'c';

const EDGES: readonly EdgeName[] = ['a', 'b', 'c'];
const PORT = 8080;
const LINK_PORT = 9091;
const MANAGER_WAIT_MS = 1500;
/** A silent link is given up after 4.5 s. */
const SILENCE_MS = 4500;

let hosts: Hosts<HostName>;
let of: Readonly<Record<HostName, Host>>;
let service: http.Server;
let servicePort: number;
let deployment: Deployment;
let preview: Preview;
const edges = {} as Record<EdgeName, Program>;
/** Traffic manager with one tunnel, by the edge that holds it. All are replicas of one. */
const managers = new Map<EdgeName, Program>();
const kept: { stop(): unknown }[] = [];
const folder = new TemporaryFolder('split');
const cuts: (() => void)[] = [];

beforeAll(async () => {
  hosts = await createHosts(PLAN);
  ({ of } = hosts);
  if (hosts.kind !== 'network namespaces') return;
  service = http.createServer((_request, response) => response.end('behind')).listen(0, '127.0.0.1');
  await once(service, 'listening');
  servicePort = await of.outside.window((service.address() as AddressInfo).port);
  const { url: databaseUrl } = await createDatabase();
  const apiPort = await freePort();
  const api = startProgram('apps/api/src/main.js', {
    DATABASE_URL: databaseUrl,
    REDIS_URL: inject('redisUrl'),
    APP_HOST: `127.0.0.1:${apiPort}`,
    PORT: String(apiPort),
    ADMIN_PORT: '0',
    CULVERT_BOOTSTRAP_API_KEY: API_KEY,
  });
  kept.push(api);
  await api.line(/^API key/m);
  for (const name of EDGES) {
    edges[name] = await startEdge(name, databaseUrl);
    kept.push(edges[name]);
  }
  await Promise.all(EDGES.map((name) => edges[name].logged(/"serving"/)));
  deployment = deploymentOf(api, apiPort);
  await holdAt('b', 'c');
  preview = await deployment.createPreview(servicePort);
});

afterEach(() => {
  for (const heal of cuts.splice(0)) heal();
});

afterAll(async () => {
  await Promise.all([...managers.values()].map((manager) => manager.stop()));
  for (const program of kept.toReversed()) await program.stop();
  await hosts?.remove();
  service?.closeAllConnections();
  service?.close();
  folder.remove();
});

async function startEdge(name: EdgeName, databaseUrl: string): Promise<Program> {
  const through = async (address: string) => {
    const url = new URL(address);
    url.hostname = '127.0.0.1';
    url.port = String(await of[name].window(Number(url.port)));
    return url.href;
  };
  // Edges would find each other's Unix sockets in a common folder.
  mkdirSync(join(folder.path, name));
  const env = {
    DATABASE_URL: await through(databaseUrl),
    REDIS_URL: await through(inject('redisUrl')),
    APP_HOST: `${of[name].address('internet')}:${PORT}`,
    API_UPSTREAM_URL: 'http://127.0.0.1:9',
    PORT: String(PORT),
    ADMIN_PORT: '0',
    EDGE_LINK_SECRET: 'links-of-tests-0123456789abcdef0123456789',
    EDGE_LINK_PORT: String(LINK_PORT),
    EDGE_LINK_ADDRESS: `${of[name].address('cluster')}:${LINK_PORT}`,
    MANAGER_WAIT_MS: String(MANAGER_WAIT_MS),
    TMPDIR: join(folder.path, name),
  };
  return startProgram('apps/edge/src/main.js', env, [], [], of[name].via);
}

/** Makes exactly these edges hold a tunnel of the traffic manager. */
async function holdAt(...names: EdgeName[]): Promise<void> {
  for (const [name, manager] of managers) {
    if (names.includes(name)) continue;
    await manager.stop();
    managers.delete(name);
  }
  for (const name of names) {
    if (managers.has(name)) continue;
    const env = {
      CULVERT_URL: `http://${of[name].address('internet')}:${PORT}`,
      CULVERT_API_KEY: API_KEY,
      CULVERT_MANAGER_ID: 'split',
      CULVERT_TUNNELS: '1',
    };
    const manager = startProgram('apps/traffic-manager/src/main.js', env, [], [], of.outside.via);
    managers.set(name, manager);
    await manager.logged(/"msg":"connected"/);
  }
}

async function visitAt(name: EdgeName): Promise<{ status: number; ms: number }> {
  const begun = performance.now();
  const to = { address: of[name].address('internet'), port: PORT };
  const { status } = await request(of.outside, to, { headers: { host: preview.hostname } });
  return { status, ms: performance.now() - begun };
}

const statusAt = async (name: EdgeName) => (await visitAt(name)).status;

/** Loses what `from` sends to `to` over links, until the test ends. */
function cut(from: EdgeName, to: EdgeName): void {
  cuts.push(of[from].cut(of[to], 'cluster'));
}

/** Number of links that the edge A has lost. */
const closedLinks = () => edges.a.stderr.match(/"link closed"/g)?.length ?? 0;

function healAll(): void {
  for (const heal of cuts.splice(0)) heal();
}

/** Hosts are known only once this file has begun, so a test skips itself. */
function needNamespaces({ skip }: TestContext): void {
  if (hosts.kind !== 'network namespaces') skip(`needs network namespaces: ${hosts.reason}`);
}

/** Each way in which the network between A and B may fail. */
const FAULTS: readonly [string, readonly (readonly [EdgeName, EdgeName])[]][] = [
  [
    'in both directions',
    [
      ['a', 'b'],
      ['b', 'a'],
    ],
  ],
  ['from the edge of the visitor to the holder', [['a', 'b']]],
  ['from the holder to the edge of the visitor', [['b', 'a']]],
];

describe.each(FAULTS)('a network between two edges that loses every packet %s', (_name, lost) => {
  it('ends no request at that edge while another holder can be reached', async (context) => {
    needNamespaces(context);
    // So that it has a link to each of them: first there is only one holder.
    await holdAt('b');
    expect(await statusAt('a')).toBe(200);
    await holdAt('b', 'c');
    const visits = () => Promise.all(Array.from({ length: 20 }, () => visitAt('a')));
    for (const { status } of await visits()) expect(status).toBe(200);
    const closedBefore = closedLinks();
    for (const [from, to] of lost) cut(from, to);
    for (const { status, ms } of await visits()) {
      expect(status).toBe(200);
      expect(ms).toBeLessThan(SILENCE_MS + MANAGER_WAIT_MS + 3000);
    }
    await expect.poll(closedLinks).toBe(closedBefore + 1);
    for (let i = 0; i < 40; i++) expect(await statusAt('a')).toBe(200);
    for (const name of ['b', 'c'] as const) expect(await statusAt(name)).toBe(200);
  });

  it('fails requests there in time while no other edge holds the tunnel, and none after it has healed', async (context) => {
    needNamespaces(context);
    await holdAt('b');
    expect(await statusAt('a')).toBe(200);
    for (const [from, to] of lost) cut(from, to);
    const first = await visitAt('a');
    expect(first.status).toBe(503);
    expect(first.ms).toBeLessThan(SILENCE_MS + MANAGER_WAIT_MS + 3000);
    for (let i = 0; i < 2; i++) {
      const { status, ms } = await visitAt('a');
      expect([status, ms < MANAGER_WAIT_MS + 2000]).toEqual([503, true]);
    }
    // The others are not affected: the directory still names the holder, and the third edge reaches it.
    for (const name of ['b', 'c'] as const) expect(await statusAt(name)).toBe(200);
    healAll();
    await expect.poll(() => statusAt('a'), { timeout: 20_000 }).toBe(200);
    for (let i = 0; i < 20; i++) expect(await statusAt('a')).toBe(200);
  });
});
