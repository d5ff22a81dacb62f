/**
 * Redis, Postgres and an edge of a whole deployment fail, one after the other, under the load of its visitors. The names of
 * the groups are rows of the table in docs/operations.md, "When a part fails", and the comments in them its columns.
 * Outages are short, except with OUTAGE_SECONDS, such as 60.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withRedis } from '../redis/redis-servers.js';
import { prepareOwnPostgres } from '../services/postgres.js';
import { prepareOwnRedis } from '../services/redis.js';
import { API_KEY, type Preview, visit } from '../support/deployment.js';
import { Engine } from '../support/engine.js';
import { type FleetDeployment, startFleetDeployment } from '../support/fleet-deployment.js';
import { edgeIdOf, FleetProbes, OWNER_ENV, readinessOf } from '../support/fleet-probes.js';
import { MixedLoad } from '../support/mixed-load.js';
import { type MixedService, startMixedService } from '../support/mixed-service.js';
import { type Program, startProgram } from '../support/process.js';

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
let probes: FleetProbes;

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
    apiEnv: OWNER_ENV,
  });
  for (const { program } of fleet.managers) await program.logged(/"tunnels":2,.*"msg":"connected"/);
  for (const { program } of [...fleet.edges, ...fleet.apis]) expect(await readinessOf(program)).toBe(200);
  probes = await FleetProbes.of(fleet);
  preview = await createPreview('steady');
}, 90_000);

afterAll(async () => {
  redis?.wake();
  postgres?.wake();
  await fleet?.stop();
  service?.stop();
  await Promise.all([redis?.stop(), postgres?.stop()]);
});

const createPreview = (managerId: string, overrides: Record<string, unknown> = {}): Promise<Preview> =>
  probes.createPreview(service.port, managerId, overrides);

const statuses = (...visited: Parameters<FleetProbes['statuses']>) => probes.statuses(...visited);

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

/** Ends a load, none of whose requests, event streams and WebSockets may have failed. */
async function expectUnharmed(load: MixedLoad): Promise<void> {
  const { endedStreams, closeCodes } = load;
  await load.stop();
  expect(load.failures).toEqual([]);
  expect([endedStreams, ...closeCodes.keys()]).toEqual([0]);
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

/** Ids of the edges that the directory names as holders of `steady`, sorted. */
async function holderIds(): Promise<string[]> {
  const ids = await withRedis(Number(new URL(redis.url).port), (client) =>
    client.hkeys(`culvert:holders:${probes.trafficManagers.get('steady')}`),
  );
  return ids.toSorted();
}

const holdersInRedis = async () => (await holderIds()).length;

describe.skipIf(!canRun)('a deployment', { timeout: 120_000 + 2 * LONG_MS }, () => {
  describe('Redis is away', () => {
    it('visitors are served, revocation takes seconds, and changes arrive at once when it is back', async () => {
      const load = await startLoad();
      const secret = await createPrivate();
      expect(await statuses(secret.hostname, secret.headers)).toEqual([200, 200, 200]);
      const streams = await probes.openEventStreams(secret.hostname, secret.headers);
      const failedAt = performance.now();
      await redis.kill();
      // new requests
      expect(await statuses(preview.hostname)).toEqual([200, 200, 200]);
      const made = await createPreview('steady');
      expect(await statuses(made.hostname)).toEqual([200, 200, 200]);
      // dashboard and sign-in
      expect(await probes.dashboard(await probes.cookie())).toEqual([200, 200]);
      // changes
      await secret.revoke();
      const revokedAt = performance.now();
      await expect
        .poll(() => statuses(secret.hostname, secret.headers), { timeout: 12_000 })
        .toEqual([401, 401, 401]);
      expect(performance.now() - revokedAt).toBeLessThan(11_000);
      await streams.allEnded;
      expect(performance.now() - revokedAt).toBeLessThan(21_000);

      await passedMs(failedAt, redisOutageMs(0));
      // afterwards
      await redis.startAgain();
      await expect.poll(holdersInRedis).toBe(2);
      const { id } = made;
      await fleet.deployment.api('PATCH', `/previews/${id}`, { access: 'team' });
      const changedAt = performance.now();
      await expect.poll(() => statuses(made.hostname)).toEqual([401, 401, 401]);
      expect(performance.now() - changedAt).toBeLessThan(1000);
      // open streams
      await expectUnharmed(load);
      for (const { program } of fleet.edges) expect(await readinessOf(program)).toBe(200);
    });
  });

  describe('Redis is emptied', () => {
    it('visitors notice nothing, and the directory is complete again', async () => {
      const load = await startLoad();
      await withRedis(Number(new URL(redis.url).port), (client) => client.flushall());
      const emptiedAt = performance.now();
      // new requests
      expect(await statuses(preview.hostname)).toEqual([200, 200, 200]);
      // afterwards
      await expect.poll(holdersInRedis).toBe(2);
      expect(performance.now() - emptiedAt).toBeLessThan(4000);
      // changes
      const made = await createPreview('steady');
      expect(await statuses(made.hostname)).toEqual([200, 200, 200]);
      // dashboard and sign-in
      expect(await probes.dashboard(await probes.cookie())).toEqual([200, 200]);
      // open streams
      await passed(load, 40);
      await expectUnharmed(load);
    });
  });

  describe('Redis hangs', () => {
    it('visitors are served, changes are made, and reach the edges at once when it is back', async () => {
      const load = await startLoad();
      redis.hang();
      const before = performance.now();
      try {
        // changes
        const status = await probes.change();
        expect([status, performance.now() - before < 5000]).toEqual([201, true]);
        // dashboard and sign-in
        expect(await probes.dashboard(await probes.cookie())).toEqual([200, 200]);
        // Longer than it takes to give up the connections, which is 15 s.
        await passedMs(before, redisOutageMs(16_000));
        // new requests
        expect(await statuses(preview.hostname)).toEqual([200, 200, 200]);
      } finally {
        redis.wake();
      }
      // afterwards
      await expect.poll(holdersInRedis).toBe(2);
      const made = await createPreview('steady');
      expect(await statuses(made.hostname)).toEqual([200, 200, 200]);
      // open streams
      await expectUnharmed(load);
    });
  });

  /** What people and programs get from the API while Postgres does not answer. */
  async function expectRefusals(): Promise<void> {
    const calls = await Promise.all([
      probes.call('POST', '/api-keys', { name: 'away', scopes: ['previews:read'] }),
      probes.call('GET', '/previews', undefined, 1),
    ]);
    for (const answer of calls) {
      expect(answer).toMatchObject({ status: 503, code: 'store_unavailable' });
      expect(answer.retryAfter).toBeGreaterThan(0);
      expect(answer.ms).toBeLessThan(REFUSAL_MS);
    }
    for (const { program } of [...fleet.edges, ...fleet.apis]) expect(await readinessOf(program)).toBe(200);
  }

  const countedRequests = async (id: string): Promise<number> => {
    const { requests } = await fleet.deployment.api<{ requests: number[] }>('GET', `/previews/${id}/metrics`);
    return requests.reduce((sum, each) => sum + each, 0);
  };

  const disconnections = async (): Promise<number> => {
    const { items } = await fleet.deployment.api<{ items: { change: string; reason: string | null }[] }>(
      'GET',
      `/traffic-managers/${probes.trafficManagers.get('leaver')}/connections`,
    );
    return items.filter((item) => item.change === 'disconnected').length;
  };

  /** What must have been recorded in the end, one entry for each outage. */
  const counted: Preview[] = [];
  const VISITS = 36;

  let strangers = 0;
  /** A traffic manager that no edge knows, with the key of the others. */
  const startStranger = (): Program =>
    startProgram('apps/traffic-manager/src/main.js', {
      CULVERT_URL: `http://127.0.0.1:${fleet.deployment.port}`,
      CULVERT_API_KEY: API_KEY,
      CULVERT_MANAGER_ID: `stranger-${++strangers}`,
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
      const cookie = await probes.cookie();
      for (let i = 0; i < 5; i++) expect(await statuses(visited.hostname)).toEqual([200, 200, 200]);
      expect(await statuses(secret.hostname, secret.headers)).toEqual([200, 200, 200]);
      const streams = await probes.openEventStreams(secret.hostname, secret.headers);
      const failedAt = performance.now();
      await fail();
      let stranger: Program | null = null;
      let isBack = false;
      try {
        // new requests
        expect(await statuses(secret.hostname, secret.headers)).toEqual([200, 200, 200]);
        for (let i = 0; i < 5; i++) expect(await statuses(visited.hostname)).toEqual([200, 200, 200]);
        expect(await leaver.program.stop()).toBe(0);
        await leaver.start();
        expect(await statuses(visited.hostname)).toEqual([200, 200, 200]);
        stranger = startStranger();
        await stranger.logged(/the database does not answer/);
        // changes
        await expectRefusals();
        // dashboard and sign-in
        expect(await probes.dashboard(cookie)).toEqual([503, 503]);
        expect((await probes.signIn()).status).toBe(503);
        await passedMs(failedAt, outageMs);
        expect(await statuses(preview.hostname)).toEqual([200, 200, 200]);
        if (outageMs > 10_000) {
          expect(await statuses(secret.hostname, secret.headers)).toEqual([503, 503, 503]);
          // open streams
          await streams.allEnded;
          expect(performance.now() - failedAt).toBeLessThan(Math.max(22_000, outageMs + 2000));
        }
        // afterwards
        await recover();
        isBack = true;
        await stranger.logged(/"connected"/);
      } finally {
        if (!isBack) await recover();
        await stranger?.stop();
      }
      expect(await statuses(visited.hostname)).toEqual([200, 200, 200]);
      expect(await statuses(secret.hostname, secret.headers)).toEqual([200, 200, 200]);
      expect(await probes.dashboard(cookie)).toEqual([200, 200]);
      await expectUnharmed(load);
      streams.close();
      await expect.poll(disconnections, { timeout: 20_000 }).toBe(before + 2);
      // The tunnels that were accepted from memory are registered now.
      await expect.poll(async () => (await probes.edgesOf('leaver')).length, { timeout: 20_000 }).toBe(2);
    });
  });

  describe('an edge hangs', () => {
    it('visitors at other edges are served, and it does no harm when it wakes', async () => {
      const edgeIds = await Promise.all(fleet.edges.map(edgeIdOf));
      const [hungId, otherId] = await probes.edgesOf('steady');
      const [{ id: sessionId }] = await probes.sessionsOf('steady');
      const hung = fleet.edges[edgeIds.indexOf(hungId)];
      const other = fleet.edges[edgeIds.indexOf(otherId)];
      const others = fleet.edges.filter((edge) => edge !== hung);
      const cookie = await probes.cookie();
      // The balancer would send some of it to the edge that hangs, and wait.
      const load = await startLoad(other.port!);
      const through = await probes.openEventStreams(preview.hostname, {}, [hung]);
      const stoppedAt = performance.now();
      hung.program.kill('SIGSTOP');
      let own: Promise<{ status: number }>;
      try {
        // new requests
        own = visit(hung.port!, preview.hostname, '/page');
        expect(await statuses(preview.hostname, {}, others)).toEqual([200, 200]);
        expect(performance.now() - stoppedAt).toBeLessThan(12_000);
        // changes
        expect(await probes.change()).toBe(201);
        // dashboard and sign-in
        expect(await probes.dashboard(cookie, other.port!)).toEqual([200, 200]);
        await passedMs(stoppedAt, Math.max(12_000, LONG_MS));
        expect(await statuses(preview.hostname, {}, others)).toEqual([200, 200]);
      } finally {
        hung.program.kill('SIGCONT');
      }
      // open streams
      await through.allEnded;
      await expectUnharmed(load);
      // afterwards: a visitor that had waited at it is answered, and it finds the manager at the other edges.
      expect((await own).status).toBe(200);
      for (let i = 0; i < 10; i++) expect(await statuses(preview.hostname)).toEqual([200, 200, 200]);
      await expect.poll(async () => (await probes.edgesOf('steady')).length, { timeout: 40_000 }).toBe(2);
      await expect
        .poll(async () => (await holderIds()).join() === (await probes.edgesOf('steady')).join(), {
          timeout: 20_000,
        })
        .toBe(true);
      expect((await probes.sessionsOf('steady')).map(({ id }) => id)).toEqual([sessionId]);
      expect(await readinessOf(hung.program)).toBe(200);
      for (const { program } of fleet.edges) expect(program.stderr).not.toContain('"level":60');
    });
  });

  it('has counted every visit of the outages of Postgres once', async () => {
    expect(counted).toHaveLength(2);
    for (const { id } of counted)
      await expect.poll(() => countedRequests(id), { timeout: 40_000, interval: 500 }).toBe(VISITS);
  });
});
