/** Traffic managers that reconnect to an edge whose Postgres does not answer, and what follows when it does. */
import type { Store } from '@culvert/domain';
import { createStore } from '@culvert/store';
import { StallingProxy } from '@culvert/testkit';
import { GoAwayCode } from '@culvert/tunnel';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { NativeEdge } from '../spec/native-edge.js';
import { storeTeam, type StoredTeam } from '../spec/stored-team.js';
import type { TunnelOwner } from './tunnel-credentials.js';

/** A caller of the store gives up after four seconds, and the next attempt follows a second later. */
const BACK_MS = 15_000;
const HASH = 'hash of the secret';

let proxy: StallingProxy;
let team: StoredTeam;
/** The same database, past the proxy. */
let direct: Store;
let edge: NativeEdge;
let managerId: string;
let sessionId: string;
let trafficManagerId: string;
let count = 0;

beforeAll(async () => {
  team = await storeTeam({
    urlOf: async (url) => {
      const started = await StallingProxy.start(url);
      proxy = started;
      return started.url;
    },
  });
  direct = await createStore({ databaseUrl: team.database.url, dataDir: 'memory' });
});
afterAll(async () => {
  await direct?.close();
  await team?.stop();
  await proxy?.stop();
});

/** A manager that was connected, and lost its tunnel before Postgres stopped answering. */
beforeEach(async () => {
  edge = new NativeEdge(team.store, team.owner);
  managerId = `returning-${++count}`;
  const { tunnel, welcome } = await edge.open({ managerId, clusterId: 'east' });
  ({ sessionId } = welcome);
  tunnel.close(GoAwayCode.NORMAL, 'lost');
  await expect.poll(shown).toMatchObject({ state: 'disconnected' });
  ({ trafficManagerId } = (await shown())!);
  proxy.stall();
  return async () => {
    proxy.resume();
    await edge.stop();
  };
});

const shown = () => direct.sessions.find(team.teamId, sessionId);
const opened = (clusterId = 'east') => edge.open({ managerId, clusterId });

async function otherTeam(): Promise<TunnelOwner> {
  const { id: teamId } = await direct.teams.create('Depot');
  const draft = { name: 'z', hint: 'z', hash: managerId, scopes: ['tunnel'], expiresAt: null } as const;
  const { id: apiKeyId } = await direct.apiKeys.create(teamId, draft);
  return { teamId, credential: { kind: 'api-key', apiKeyId } };
}

/** Answers as the authenticator does whose store is away, and which knows the credential. */
function answerFromMemory(owner = team.owner): void {
  const { known } = edge.sessions;
  known.rememberCredential(HASH, owner, null, known.changes);
  edge.owner = { ...owner, uncheckedHash: HASH };
}

describe('a known traffic manager that reconnects while Postgres hangs', { timeout: 40_000 }, () => {
  it('is served at once in its session, and registered when Postgres answers', async () => {
    answerFromMemory();
    const begun = performance.now();
    const { welcome } = await opened();
    expect(performance.now() - begun).toBeLessThan(2000);
    expect(welcome).toMatchObject({ sessionId, resumed: true });
    expect(edge.registry.isHeld(trafficManagerId)).toBe(true);
    expect(await shown()).toMatchObject({ state: 'disconnected' });
    proxy.resume();
    await expect
      .poll(shown, { timeout: BACK_MS })
      .toMatchObject({ state: 'connected', tunnelCount: 1, tunnels: [{ instanceId: 'process-1' }] });
    expect(edge.sessions.count).toBe(1);
  });

  it('loses its tunnel as soon as Postgres answers, if its key was revoked meanwhile', async () => {
    const draft = { name: 'y', hint: 'y', hash: managerId, scopes: ['tunnel'], expiresAt: null } as const;
    const { id: apiKeyId } = await direct.apiKeys.create(team.teamId, draft);
    answerFromMemory({ teamId: team.teamId, credential: { kind: 'api-key', apiKeyId } });
    const { closed } = await opened();
    await direct.apiKeys.revoke(team.teamId, apiKeyId, new Date());
    proxy.resume();
    expect(await closed).toBe(GoAwayCode.KEY_REVOKED);
    expect(await shown()).toMatchObject({ state: 'disconnected', tunnelCount: 0 });
  });

  it('loses its tunnel if its session was ended meanwhile, and leaves no row behind', async () => {
    answerFromMemory();
    const { closed } = await opened();
    await direct.sessions.end(team.teamId, sessionId, 'ended by a person', new Date());
    proxy.resume();
    expect(await closed).toBe(GoAwayCode.SESSION_ENDED);
    const rest = { trafficManagerId, state: 'connected' } as const;
    await expect
      .poll(async () => (await direct.sessions.list(team.teamId, rest, { limit: 10 })).items, {
        timeout: 5000,
      })
      .toEqual([]);
  });

  // SESSION_ENDED ends `culvert expose`, and a traffic manager waits half a minute after it.
  it('is asked to connect again at once if an edge ended its session as not resumed', async () => {
    answerFromMemory();
    const { closed } = await opened();
    const later = new Date(Date.now() + 60_000);
    expect(await direct.sessions.endStale(later, later)).toContainEqual(
      expect.objectContaining({ id: sessionId }),
    );
    proxy.resume();
    expect(await closed).toBe(GoAwayCode.INTERNAL);
    edge.owner = team.owner;
    expect(await opened()).toMatchObject({ welcome: { resumed: true } });
  });

  it('is asked the same by the check of open tunnels', async () => {
    proxy.resume();
    const { closed } = await opened();
    const { tunnels } = (await shown())!;
    await direct.tunnels.close(
      tunnels.map(({ id }) => ({ id, sessionId, teamId: team.teamId, receivedBytes: 0, sentBytes: 0 })),
      new Date(),
    );
    const later = new Date(Date.now() + 60_000);
    await direct.sessions.endStale(later, later);
    await edge.sessions.closeUnusable();
    expect(await closed).toBe(GoAwayCode.INTERNAL);
  });

  // The first registration that failed ended the round, and the next round began with the same one.
  it('is registered although the rows of another team, whose tunnels came first, are locked', async () => {
    proxy.resume();
    const other = await otherTeam();
    edge.owner = other;
    const { tunnel, welcome } = await opened();
    tunnel.close(GoAwayCode.NORMAL, 'lost');
    const state = async () => (await direct.sessions.find(other.teamId, welcome.sessionId))?.state;
    await expect.poll(state).toBe('disconnected');
    proxy.stall();
    answerFromMemory();
    // More than are registered at a time.
    for (let i = 0; i < 6; i++) await edge.open({ managerId, clusterId: 'east', instanceId: `process ${i}` });
    answerFromMemory(other);
    await opened();
    const locker = new Client({ connectionString: team.database.url });
    await locker.connect();
    try {
      await locker.query('BEGIN');
      await locker.query('SELECT FROM team WHERE id = $1 FOR UPDATE', [team.teamId]);
      proxy.resume();
      await expect.poll(state, { timeout: BACK_MS }).toBe('connected');
      expect(await shown()).toMatchObject({ state: 'disconnected' });
      await locker.query('ROLLBACK');
      await expect.poll(shown, { timeout: BACK_MS }).toMatchObject({ tunnelCount: 6 });
    } finally {
      await locker.end();
    }
  });

  it('loses its tunnel if another cluster has connected with its manager id meanwhile', async () => {
    answerFromMemory();
    const { closed } = await opened();
    await direct.sessions.register(team.teamId, {
      identity: { managerId, clusterId: 'west', name: managerId, version: '1' },
      kind: 'native',
      credential: team.owner.credential,
      edgeId: 'elsewhere',
      remoteAddress: '198.51.100.1',
      instanceId: 'process-2',
      at: new Date(),
    });
    proxy.resume();
    expect(await closed).toBe(GoAwayCode.MANAGER_ID_TAKEN);
    await expect
      .poll(shown)
      .toMatchObject({ trafficManager: { clusterId: 'west' }, tunnels: [{ edge: { id: 'elsewhere' } }] });
  });

  it('leaves no row behind if its tunnel closes before Postgres answers', async () => {
    answerFromMemory();
    const { tunnel } = await opened();
    tunnel.close(GoAwayCode.NORMAL, 'stopping');
    await expect.poll(() => edge.sessions.count).toBe(0);
    proxy.resume();
    await edge.stop();
    expect(await shown()).toMatchObject({ state: 'disconnected', tunnelCount: 0 });
  });

  it('is counted until it is registered, and is one of many in few lines of the log', async () => {
    answerFromMemory();
    for (let i = 0; i < 14; i++)
      await edge.open({ managerId, clusterId: 'east', instanceId: `process ${i}` });
    expect(edge.sessions.unregisteredCount).toBe(14);
    expect(edge.lines.filter((line) => line.includes('tunnel accepted from memory'))).toHaveLength(10);
    proxy.resume();
    await expect.poll(() => edge.sessions.unregisteredCount, { timeout: BACK_MS }).toBe(0);
    expect(edge.sessions.count).toBe(14);
  });

  it('is refused if it names another cluster, or no session of it is known', async () => {
    answerFromMemory();
    expect(await edge.dial({ managerId, clusterId: 'west' })).toEqual({ refusal: GoAwayCode.INTERNAL });
    expect(await edge.dial({ managerId: 'unknown' })).toEqual({ refusal: GoAwayCode.INTERNAL });
    edge.sessions.known.suspectAll();
    expect(await edge.dial({ managerId, clusterId: 'east' })).toEqual({ refusal: GoAwayCode.INTERNAL });
    expect(edge.sessions.count).toBe(0);
  });

  // The credential was looked up when the WebSocket was accepted, and an event found no tunnel to close until HELLO came.
  it('is refused if its key is revoked between its WebSocket and its HELLO', async () => {
    answerFromMemory();
    const revoke = () => edge.sessions.closeByKey(team.apiKeyId);
    expect(await edge.dial({ managerId, clusterId: 'east' }, revoke)).toEqual({
      refusal: GoAwayCode.INTERNAL,
    });
    expect(edge.sessions.count).toBe(0);
  });

  it('is refused if its person has changed between its WebSocket and its HELLO', async () => {
    const { teamId, userId } = team;
    answerFromMemory({ teamId, credential: { kind: 'program', programId: 'program', userId } });
    const change = () => edge.sessions.known.suspectUser(userId);
    expect(await edge.dial({ managerId, clusterId: 'east' }, change)).toEqual({
      refusal: GoAwayCode.INTERNAL,
    });
    expect(edge.sessions.count).toBe(0);
  });

  it('is refused by an edge that stops, so that it tries another one', async () => {
    answerFromMemory();
    edge.sessions.drain();
    expect(await edge.dial({ managerId, clusterId: 'east' })).toEqual({ refusal: GoAwayCode.SHUTTING_DOWN });
  });
});
