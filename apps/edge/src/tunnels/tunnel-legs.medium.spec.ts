/** The tunnels of one process of a traffic manager to one edge, over real WebSockets and a real store. */
import { randomUUID } from 'node:crypto';
import { SCOPES } from '@culvert/domain';
import { GoAwayCode } from '@culvert/tunnel';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Dialed, NativeEdge } from '../spec/native-edge.js';
import { storeTeam, type StoredTeam } from '../spec/stored-team.js';
import type { TunnelSessions } from './tunnel-sessions.js';

let team: StoredTeam;
let edge: NativeEdge;
let sessions: TunnelSessions;
let instanceId: string;

beforeAll(async () => {
  team = await storeTeam();
});
afterAll(() => team.stop());

beforeEach(() => {
  instanceId = randomUUID();
  edge = new NativeEdge(team.store, team.owner);
  ({ sessions } = edge);
});
afterEach(() => edge.stop());

/** Dials as the process `instanceId`, which names these edges. */
const dial = (...edges: string[]): Promise<Dialed> => edge.dial({ instanceId, edges });
const opened = (...edges: string[]) => edge.open({ instanceId, edges });

describe('a second tunnel of a process to the same edge', () => {
  it('is refused if the process names the edge, and the first one stays', async () => {
    const { tunnel, welcome } = await opened();
    expect(welcome.edgeId).toBe(sessions.edgeId);
    expect(await dial('another', sessions.edgeId)).toEqual({ refusal: GoAwayCode.ALREADY_CONNECTED });
    expect(tunnel.state).toBe('open');
    expect(sessions.count).toBe(1);
  });

  it('replaces the first one if the process does not name the edge: it has lost that one', async () => {
    const first = await opened();
    const second = await opened('another');
    expect(await first.closed).toBe(GoAwayCode.SUPERSEDED);
    expect(second.tunnel.state).toBe('open');
  });

  it('is accepted if the first one is leaving, even if the process names the edge', async () => {
    const first = await opened();
    first.tunnel.openStream(
      { interceptId: 'i', host: 'web', port: 80, tls: false, serverName: '', verifyTls: true },
      { onOpen() {}, onData() {}, onEnd() {}, onReset() {}, onDrain() {} },
    );
    first.tunnel.goAway(GoAwayCode.NORMAL, 'leaving');
    await expect.poll(() => sessions.count).toBe(0);
    expect((await opened(sessions.edgeId)).tunnel.state).toBe('open');
  });

  it('of another process is accepted, whatever it names', async () => {
    const first = await opened();
    instanceId = randomUUID();
    expect((await opened(sessions.edgeId)).tunnel.state).toBe('open');
    expect(first.tunnel.state).toBe('open');
  });
});

// Such a tunnel was opened and never asked to leave, and its manager lost it when the process ended.
describe('a tunnel that is registered while the edge begins to stop', () => {
  /** Calls `stop` once the store has recorded the next tunnel, before the edge knows. */
  function onRecorded(stop: () => void): () => void {
    const { sessions: stored } = team.store;
    const register = stored.register.bind(stored);
    const registering = vi.spyOn(stored, 'register').mockImplementationOnce(async (...all) => {
      const registered = await register(...all);
      stop();
      return registered;
    });
    return () => registering.mockRestore();
  }

  async function rowsOf(edgeId: string): Promise<unknown[]> {
    const client = new Client({ connectionString: team.database.url });
    await client.connect();
    const { rows } = await client.query<{ id: string }>(
      'SELECT id::text FROM tunnel WHERE edge_id = $1 UNION SELECT id FROM edge WHERE id = $1',
      [edgeId],
    );
    await client.end();
    return rows.map(({ id }) => id);
  }

  it('is refused with a code that sends the manager to another edge at once', async () => {
    const restore = onRecorded(() => sessions.drain());
    expect(await dial()).toEqual({ refusal: GoAwayCode.SHUTTING_DOWN });
    restore();
    expect(sessions.count).toBe(0);
    await expect.poll(() => rowsOf(sessions.edgeId)).toEqual([sessions.edgeId]);
  });

  it('leaves no row behind when the edge has closed', async () => {
    let closed = Promise.resolve();
    const restore = onRecorded(() => {
      closed = sessions.close();
    });
    expect(await dial()).toEqual({ refusal: GoAwayCode.SHUTTING_DOWN });
    restore();
    await closed;
    expect(await rowsOf(sessions.edgeId)).toEqual([]);
    expect(await dial()).toEqual({ refusal: GoAwayCode.SHUTTING_DOWN });
    expect(await rowsOf(sessions.edgeId)).toEqual([]);
  });
});

// Keys were checked after the records were written, so not while the store refused these.
describe('the upkeep of an edge', () => {
  it('ends tunnels whose key was revoked although it cannot write its records', async () => {
    await edge.stop();
    // Tunnels have intervals of their own, which must not pass sooner.
    const setting = vi.spyOn(globalThis, 'setInterval');
    edge = new NativeEdge(team.store, team.owner);
    const [upkeep] = setting.mock.calls[0];
    setting.mockRestore();
    const { store, teamId } = team;
    const draft = { name: 'x', hint: 'x', hash: randomUUID(), scopes: SCOPES, expiresAt: null };
    const { id: apiKeyId } = await store.apiKeys.create(teamId, draft);
    edge.owner = { teamId, credential: { kind: 'api-key', apiKeyId } };
    const { closed } = await opened();
    await store.apiKeys.revoke(teamId, apiKeyId, new Date());
    const comparing = vi.spyOn(store.tunnels, 'compare').mockRejectedValue(new Error('away'));
    upkeep();
    expect(await closed).toBe(GoAwayCode.KEY_REVOKED);
    comparing.mockRestore();
  });
});

describe('a tunnel of a process to another edge of the same machine', () => {
  const here = { id: 'e', address: '', machineId: 'machine-1' };

  it('is refused while there are edges of other machines, and then the process may come without naming it', async () => {
    sessions.machine = { self: here, hasOtherMachine: true };
    const named = { instanceId, edges: ['another'], machines: ['machine-1'] };
    expect(await edge.dial(named)).toEqual({ refusal: GoAwayCode.ALREADY_CONNECTED });
    expect(sessions.count).toBe(0);
    const { welcome } = await opened('another');
    expect(welcome.machineId).toBe('machine-1');
  });

  it.each([
    ['all edges are on this machine', false, ['machine-1']],
    ['the process names another machine', true, ['machine-2']],
  ])('is accepted if %s', async (_what, hasOtherMachine, machines) => {
    sessions.machine = { self: here, hasOtherMachine };
    expect((await edge.open({ instanceId, edges: ['another'], machines })).tunnel.state).toBe('open');
  });
});

describe('the number of tunnels that a traffic manager wants', () => {
  const wanted = async () =>
    (await team.store.sessions.list(team.teamId, { state: 'connected' }, { limit: 1 })).items[0]
      ?.wantedTunnelCount;

  it('is recorded with its session', async () => {
    await edge.open({ instanceId, wantedTunnels: 3 });
    expect(await wanted()).toBe(3);
  });

  it('is not recorded by the only edge of a deployment, which gets one tunnel', async () => {
    sessions.isAlone = true;
    await edge.open({ instanceId, wantedTunnels: 3 });
    expect(await wanted()).toBeNull();
  });
});

describe('an edge that is alone', () => {
  it('does not say its id, so that traffic managers look for no other edge', async () => {
    sessions.isAlone = true;
    expect((await opened()).welcome).not.toHaveProperty('edgeId');
  });
});
