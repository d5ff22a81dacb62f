/**
 * Redis, Postgres and an edge of a whole deployment fail, one after the other, under the load of its visitors. The names of
 * the groups are rows of the table in docs/operations.md, "When a part fails". Outages are short, except with
 * OUTAGE_SECONDS, such as 60.
 */
import { once } from 'node:events';
import http from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withRedis } from '../redis/redis-servers.js';
import { prepareOwnPostgres } from '../services/postgres.js';
import { prepareOwnRedis } from '../services/redis.js';
import { API_KEY, type Preview, visit } from '../support/deployment.js';
import { Engine } from '../support/engine.js';
import { type FleetDeployment, type Member, startFleetDeployment } from '../support/fleet-deployment.js';
import { MixedLoad } from '../support/mixed-load.js';
import { type MixedService, startMixedService } from '../support/mixed-service.js';
import { type Program, startProgram } from '../support/process.js';

const OWNER = { email: 'ann@shop.test', password: 'correct horse battery' };
/** Length of outages in the long form of this spec; 0 in the short one. */
const LONG_MS = Number(process.env['OUTAGE_SECONDS'] ?? 0) * 1000;
/** How long the API may take to refuse a change. */
const REFUSAL_MS = 6000;

const prepared = { redis: await prepareOwnRedis(), postgres: await prepareOwnPostgres() };
const canRun = prepared.redis !== null && prepared.postgres !== null;

let redis: Engine;
let postgres: Engine;
let fleet: FleetDeployment;
let service: MixedService;
/** Preview of `steady`, a traffic manager with tunnels to two of the three edges: at the third, requests hop. */
let preview: Preview;
let trafficManagers: Map<string, string>;

beforeAll(async () => {
  if (!canRun) return;
  [redis, postgres, service] = await Promise.all([
    Engine.start(prepared.redis!),
    Engine.start(prepared.postgres!),
    startMixedService(),
  ]);
  fleet = await startFleetDeployment({
    edges: 3,
    apis: 2,
    managerIds: ['steady', 'leaver'],
    redisUrl: redis.url,
    database: { url: postgres.url },
    apiEnv: { CULVERT_BOOTSTRAP_EMAIL: OWNER.email, CULVERT_BOOTSTRAP_PASSWORD: OWNER.password },
  });
  for (const { program } of fleet.managers) await program.logged(/"tunnels":2,.*"msg":"connected"/);
  const { items } = await fleet.deployment.api<{ items: { id: string; managerId: string }[] }>(
    'GET',
    '/traffic-managers',
  );
  for (const { program } of [...fleet.edges, ...fleet.apis]) expect(await readiness(program)).toBe(200);
  trafficManagers = new Map(items.map(({ managerId, id }) => [managerId, id]));
  preview = await createPreview('steady');
}, 90_000);

afterAll(async () => {
  redis?.wake();
  postgres?.wake();
  await fleet?.stop();
  service?.stop();
  await Promise.all([redis?.stop(), postgres?.stop()]);
});

let created = 0;

function createPreview(managerId: string, overrides: Record<string, unknown> = {}): Promise<Preview> {
  return fleet.deployment.createPreview(service.port, {
    trafficManagerId: trafficManagers.get(managerId),
    intercept: { name: `web-${created++}`, workload: 'web', namespace: 'default' },
    ...overrides,
  });
}

/** A private preview, with a token that opens it. */
async function createPrivate(): Promise<{
  readonly hostname: string;
  readonly headers: Readonly<Record<string, string>>;
  revoke(): Promise<unknown>;
}> {
  const { id, hostname } = await createPreview('steady', { access: 'team' });
  const path = `/previews/${id}/tokens`;
  const made = await fleet.deployment.api<{ id: string; token: string }>('POST', path, { name: 'outage' });
  return {
    hostname,
    headers: { 'culvert-preview-token': made.token },
    revoke: () => fleet.deployment.api('DELETE', `${path}/${made.id}`),
  };
}

/** The statuses of one visit at each edge. */
async function statuses(
  hostname: string,
  headers: Record<string, string> = {},
  at: readonly Member[] = fleet.edges,
): Promise<number[]> {
  const answers = await Promise.all(at.map(({ port }) => visit(port!, hostname, '/page', { headers })));
  return answers.map(({ status }) => status);
}

async function startLoad(port = fleet.deployment.port): Promise<MixedLoad> {
  const load = new MixedLoad({
    port,
    hostnames: [preview.hostname],
    rate: 40,
    eventStreams: 3,
    webSockets: 3,
  });
  await expect.poll(() => load.requests).toBeGreaterThan(20);
  return load;
}

/** Resolves when an outage that began at `since` has lasted for so long: what is checked here are limits of time. */
async function passedMs(since: number, ms: number): Promise<void> {
  await expect.poll(() => performance.now() - since, { timeout: ms + 5000 }).toBeGreaterThan(ms);
}

/** Those of Redis last half as long as the others in the long form. */
const redisOutageMs = (shortMs: number) => Math.max(shortMs, LONG_MS / 2);

/** Resolves once the load has made so many more requests. */
async function passed(load: MixedLoad, requests: number): Promise<void> {
  const before = load.requests;
  await expect.poll(() => load.requests, { timeout: 30_000 }).toBeGreaterThan(before + requests);
}

/** Sends a request to an API process, past edges and balancer. */
async function call(method: string, path: string, body?: object, at = 0) {
  const before = performance.now();
  const response = await fetch(`http://127.0.0.1:${fleet.apis[at].port}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const { code } = (await response.json().catch(() => ({}))) as { code?: string };
  const retryAfter = Number(response.headers.get('retry-after'));
  return { status: response.status, code, retryAfter, ms: performance.now() - before };
}

function trySignIn() {
  const { port } = fleet.deployment;
  const host = `127.0.0.1:${port}`;
  return visit(port, host, '/api/v1/sign-in', {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: `http://${host}` },
    body: JSON.stringify(OWNER),
  });
}

/** Signs in with a password, and returns the session's cookie. */
async function signIn(): Promise<string> {
  const answer = await trySignIn();
  expect(answer.status).toBe(204);
  return answer.headers['set-cookie']!.map((line) => line.split(';')[0]).join('; ');
}

/** The status of the dashboard's page, and of a request that it makes. */
async function dashboardWith(cookie: string, port = fleet.deployment.port): Promise<[number, number]> {
  const host = `127.0.0.1:${fleet.deployment.port}`;
  const page = await visit(port, host, '/previews', { headers: { cookie, accept: 'text/html' } });
  const data = await visit(port, host, '/api/v1/previews', { headers: { cookie } });
  return [page.status, data.status];
}

async function readiness(program: Program): Promise<number> {
  const [, port] = await program.logged(/"adminPort":(\d+)/);
  return (await fetch(`http://127.0.0.1:${port}/readyz`)).status;
}

/** Ids of the edges that the directory names as holders of `steady`, sorted. */
async function holderIds(): Promise<string[]> {
  const ids = await withRedis(Number(new URL(redis.url).port), (client) =>
    client.hkeys(`culvert:holders:${trafficManagers.get('steady')}`),
  );
  return ids.toSorted();
}

const holdersInRedis = async () => (await holderIds()).length;

interface ShownSession {
  readonly id: string;
  readonly tunnels: readonly { readonly edgeId: string }[];
}

/** The connected sessions of a traffic manager: one, unless something is wrong. */
async function sessionsOf(managerId: string): Promise<ShownSession[]> {
  const path = `/sessions?trafficManagerId=${trafficManagers.get(managerId)}&state=connected`;
  return (await fleet.deployment.api<{ items: ShownSession[] }>('GET', path)).items;
}

/** Ids of the edges that the sessions of a traffic manager show, sorted: one for each tunnel. */
async function edgesOf(managerId: string): Promise<string[]> {
  return (await sessionsOf(managerId))
    .flatMap(({ tunnels }) => tunnels.map(({ edgeId }) => edgeId))
    .toSorted();
}

async function edgeIdOf({ program }: Member): Promise<string> {
  const [, id] = await program.logged(/"edgeId":"([^"]+)".*"accepting links"/);
  return id;
}

/** Opens an event stream at each edge. Resolves once all are open, with a promise that resolves when all have ended. */
async function openEventStreams(hostname: string, headers: Readonly<Record<string, string>>) {
  const ends = fleet.edges.map(async ({ port }) => {
    const request = http.get({
      port,
      path: '/events',
      agent: false,
      headers: { ...headers, host: hostname },
    });
    request.on('error', () => {});
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    expect(response.statusCode).toBe(200);
    response.on('error', () => {}).resume();
    return { ended: new Promise((resolve) => response.once('close', resolve)) };
  });
  const open = await Promise.all(ends);
  return { allEnded: Promise.all(open.map(({ ended }) => ended)) };
}

describe.skipIf(!canRun)('a deployment', { timeout: 120_000 + 2 * LONG_MS }, () => {
  describe('Redis is away', () => {
    it('visitors are served, revocation takes seconds, and changes arrive at once when it is back', async () => {
      const load = await startLoad();
      const secret = await createPrivate();
      expect(await statuses(secret.hostname, secret.headers)).toEqual([200, 200, 200]);
      const streams = await openEventStreams(secret.hostname, secret.headers);
      const failedAt = performance.now();
      await redis.kill();

      expect(await statuses(preview.hostname)).toEqual([200, 200, 200]);
      const made = await createPreview('steady');
      expect(await statuses(made.hostname)).toEqual([200, 200, 200]);
      expect(await dashboardWith(await signIn())).toEqual([200, 200]);

      await secret.revoke();
      const revokedAt = performance.now();
      await expect
        .poll(() => statuses(secret.hostname, secret.headers), { timeout: 12_000 })
        .toEqual([401, 401, 401]);
      expect(performance.now() - revokedAt).toBeLessThan(11_000);
      await streams.allEnded;
      expect(performance.now() - revokedAt).toBeLessThan(21_000);

      await passedMs(failedAt, redisOutageMs(0));
      await redis.startAgain();
      await expect.poll(holdersInRedis).toBe(2);
      const { id } = made;
      await fleet.deployment.api('PATCH', `/previews/${id}`, { access: 'team' });
      const changedAt = performance.now();
      await expect.poll(() => statuses(made.hostname)).toEqual([401, 401, 401]);
      expect(performance.now() - changedAt).toBeLessThan(1000);
      await load.stop();
      expect(load.failures).toEqual([]);
      for (const { program } of fleet.edges) expect(await readiness(program)).toBe(200);
    });
  });

  describe('Redis is emptied', () => {
    it('visitors notice nothing, and the directory is complete again', async () => {
      const load = await startLoad();
      await withRedis(Number(new URL(redis.url).port), (client) => client.flushall());
      const emptiedAt = performance.now();
      expect(await statuses(preview.hostname)).toEqual([200, 200, 200]);
      await expect.poll(holdersInRedis).toBe(2);
      expect(performance.now() - emptiedAt).toBeLessThan(4000);
      const made = await createPreview('steady');
      expect(await statuses(made.hostname)).toEqual([200, 200, 200]);
      expect(await dashboardWith(await signIn())).toEqual([200, 200]);
      await passed(load, 40);
      await load.stop();
      expect(load.failures).toEqual([]);
    });
  });

  describe('Redis hangs', () => {
    it('visitors are served, changes are made, and reach the edges at once when it is back', async () => {
      const load = await startLoad();
      redis.hang();
      const before = performance.now();
      try {
        const { status } = await call('POST', '/api-keys', { name: 'hang', scopes: ['previews:read'] });
        expect([status, performance.now() - before < 5000]).toEqual([201, true]);
        expect(await dashboardWith(await signIn())).toEqual([200, 200]);
        // Longer than it takes to give up the connections, which is 15 s.
        await passedMs(before, redisOutageMs(16_000));
        expect(await statuses(preview.hostname)).toEqual([200, 200, 200]);
      } finally {
        redis.wake();
      }
      await expect.poll(holdersInRedis).toBe(2);
      const made = await createPreview('steady');
      expect(await statuses(made.hostname)).toEqual([200, 200, 200]);
      await load.stop();
      expect(load.failures).toEqual([]);
    });
  });

  /** What visitors and people of the API get while Postgres does not answer. */
  async function expectKnownOnly(cookie: string): Promise<void> {
    expect(await statuses(preview.hostname)).toEqual([200, 200, 200]);
    const calls = await Promise.all([
      call('POST', '/api-keys', { name: 'away', scopes: ['previews:read'] }),
      call('GET', '/previews', undefined, 1),
    ]);
    for (const answer of calls) {
      expect(answer).toMatchObject({ status: 503, code: 'store_unavailable' });
      expect(answer.retryAfter).toBeGreaterThan(0);
      expect(answer.ms).toBeLessThan(REFUSAL_MS);
    }
    expect(await dashboardWith(cookie)).toEqual([503, 503]);
    expect((await trySignIn()).status).toBe(503);
    for (const { program } of [...fleet.edges, ...fleet.apis]) expect(await readiness(program)).toBe(200);
  }

  const countedRequests = async (id: string): Promise<number> => {
    const { requests } = await fleet.deployment.api<{ requests: number[] }>('GET', `/previews/${id}/metrics`);
    return requests.reduce((sum, each) => sum + each, 0);
  };

  const disconnections = async (): Promise<number> => {
    const { items } = await fleet.deployment.api<{ items: { change: string; reason: string | null }[] }>(
      'GET',
      `/traffic-managers/${trafficManagers.get('leaver')}/connections`,
    );
    return items.filter((item) => item.change === 'disconnected').length;
  };

  /** What must have been recorded in the end, one entry for each outage. */
  const counted: Preview[] = [];
  const VISITS = 36;

  /** A traffic manager that no edge knows, with the key of the others. */
  const startStranger = (): Program =>
    startProgram('apps/traffic-manager/src/main.js', {
      CULVERT_URL: `http://127.0.0.1:${fleet.deployment.port}`,
      CULVERT_API_KEY: API_KEY,
      CULVERT_MANAGER_ID: `stranger-${++created}`,
    });

  // The longer one exceeds the ten seconds for which the result of checking a credential holds. A caller of the store gives
  // up after four.
  describe.each<[string, () => Promise<void>, () => Promise<void>, number]>([
    ['Postgres is away', () => postgres.kill(), () => postgres.startAgain(), 12_000],
    ['Postgres hangs', async () => postgres.hang(), async () => postgres.wake(), 6000],
  ])('%s', (_row, fail, recover, shortMs) => {
    const outageMs = Math.max(shortMs, LONG_MS);

    it('what an edge knows is served, changes are refused, and the history is complete afterwards', async () => {
      const leaver = fleet.managers[1];
      const load = await startLoad();
      const secret = await createPrivate();
      const visited = await createPreview('leaver');
      counted.push(visited);
      const before = await disconnections();
      const cookie = await signIn();
      for (let i = 0; i < 5; i++) expect(await statuses(visited.hostname)).toEqual([200, 200, 200]);
      expect(await statuses(secret.hostname, secret.headers)).toEqual([200, 200, 200]);
      const streams = await openEventStreams(secret.hostname, secret.headers);
      const failedAt = performance.now();
      await fail();
      let stranger: Program | null = null;
      let isBack = false;
      try {
        expect(await statuses(secret.hostname, secret.headers)).toEqual([200, 200, 200]);
        for (let i = 0; i < 5; i++) expect(await statuses(visited.hostname)).toEqual([200, 200, 200]);
        expect(await leaver.program.stop()).toBe(0);
        await leaver.start();
        expect(await statuses(visited.hostname)).toEqual([200, 200, 200]);
        stranger = startStranger();
        await stranger.logged(/the database does not answer/);
        await expectKnownOnly(cookie);
        await passedMs(failedAt, outageMs);
        if (outageMs > 10_000) {
          expect(await statuses(secret.hostname, secret.headers)).toEqual([503, 503, 503]);
          await streams.allEnded;
          expect(performance.now() - failedAt).toBeLessThan(Math.max(22_000, outageMs + 2000));
        }
        await recover();
        isBack = true;
        await stranger.logged(/"connected"/);
      } finally {
        if (!isBack) await recover();
        await stranger?.stop();
      }
      expect(await statuses(visited.hostname)).toEqual([200, 200, 200]);
      expect(await statuses(secret.hostname, secret.headers)).toEqual([200, 200, 200]);
      expect(await dashboardWith(cookie)).toEqual([200, 200]);
      await load.stop();
      expect(load.failures).toEqual([]);
      await expect.poll(disconnections, { timeout: 20_000 }).toBe(before + 2);
      // The tunnels that were accepted from memory are registered now.
      await expect.poll(async () => (await edgesOf('leaver')).length, { timeout: 20_000 }).toBe(2);
    });
  });

  describe('an edge hangs', () => {
    it('visitors at other edges are served, and it does no harm when it wakes', async () => {
      const edgeIds = await Promise.all(fleet.edges.map(edgeIdOf));
      const [hungId, otherId] = await edgesOf('steady');
      const [{ id: sessionId }] = await sessionsOf('steady');
      const hung = fleet.edges[edgeIds.indexOf(hungId)];
      const other = fleet.edges[edgeIds.indexOf(otherId)];
      const others = fleet.edges.filter((edge) => edge !== hung);
      const cookie = await signIn();
      // The balancer would send some of it to the edge that hangs, and wait.
      const load = await startLoad(other.port!);
      const stoppedAt = performance.now();
      hung.program.kill('SIGSTOP');
      let own: Promise<{ status: number }>;
      try {
        own = visit(hung.port!, preview.hostname, '/page');
        expect(await statuses(preview.hostname, {}, others)).toEqual([200, 200]);
        expect(performance.now() - stoppedAt).toBeLessThan(12_000);
        const made = await call('POST', '/api-keys', { name: 'hung', scopes: ['previews:read'] });
        expect(made.status).toBe(201);
        expect(await dashboardWith(cookie, other.port!)).toEqual([200, 200]);
        await passedMs(stoppedAt, Math.max(12_000, LONG_MS));
        expect(await statuses(preview.hostname, {}, others)).toEqual([200, 200]);
      } finally {
        hung.program.kill('SIGCONT');
      }
      // A visitor that had waited at it is answered, and it finds the manager at the other edges.
      expect((await own).status).toBe(200);
      for (let i = 0; i < 10; i++) expect(await statuses(preview.hostname)).toEqual([200, 200, 200]);
      await expect.poll(async () => (await edgesOf('steady')).length, { timeout: 40_000 }).toBe(2);
      await expect
        .poll(async () => (await holderIds()).join() === (await edgesOf('steady')).join(), {
          timeout: 20_000,
        })
        .toBe(true);
      expect((await sessionsOf('steady')).map(({ id }) => id)).toEqual([sessionId]);
      await load.stop();
      expect(load.failures).toEqual([]);
      expect(await readiness(hung.program)).toBe(200);
      for (const { program } of fleet.edges) expect(program.stderr).not.toContain('"level":60');
    });
  });

  it('has counted every visit of the outages of Postgres once', async () => {
    expect(counted).toHaveLength(2);
    for (const { id } of counted)
      await expect.poll(() => countedRequests(id), { timeout: 40_000, interval: 500 }).toBe(VISITS);
  });
});
