/**
 * Races what edges do to one session on Postgres, with their statements interleaved differently each time. Whatever the
 * order, a session is connected exactly while it has a tunnel, and no byte is lost or counted twice.
 */
import { randomUUID } from 'node:crypto';
import type { HeldTunnel, SessionRef, Store } from '@culvert/domain';
import { createTestDatabase } from '@culvert/testkit';
import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { openPool } from './database/postgres-server.js';
import { createProgram, createTenant, registration, type Tenant } from './spec/databases.js';
import { shuffleStatements } from './spec/race-worlds.js';
import { storeOn } from './store.js';

const INTERLEAVINGS = 64;
/** Sessions that are raced for at the same time. */
const AT_ONCE = 8;

/** A session with a tunnel at each of two edges. */
interface World {
  readonly tenant: Tenant;
  readonly session: SessionRef;
  readonly first: HeldTunnel;
  readonly second: HeldTunnel;
  readonly edges: readonly [string, string];
}
type Operation = (world: World) => Promise<unknown>;

let pool: Pool;
/** Delays its statements. */
let store: Store;
/** Does not. */
let prompt: Store;
let drop: () => Promise<void>;

beforeAll(async () => {
  const database = await createTestDatabase(inject('databaseUrl'), inject('migratedDatabase'));
  pool = openPool({ connectionString: database.url, max: 3 * AT_ONCE });
  shuffleStatements(pool);
  store = storeOnPool(pool);
  prompt = storeOnPool(openPool({ connectionString: database.url, max: AT_ONCE }));
  drop = () => database.drop();
});
afterAll(async () => {
  await Promise.all([store.close(), prompt.close()]);
  await drop();
});

function storeOnPool(of: Pool): Store {
  return storeOn({ pool: of, backgroundPool: of, exclusively: (work) => work(of), close: () => of.end() });
}

async function createWorld(): Promise<World> {
  const tenant = await createTenant(prompt);
  const edges = [randomUUID(), randomUUID()] as const;
  const register = (edgeId: string) =>
    prompt.sessions.register(tenant.team.id, registration(tenant, { edgeId }));
  const { session, tunnel: first } = await register(edges[0]);
  const { tunnel: second } = await register(edges[1]);
  const report = { streamCount: 1, roundTripMs: 1, receivedBytes: 1000, sentBytes: 1 };
  await prompt.tunnels.report(
    [first, second].map(({ id }) => ({ ...report, id })),
    new Date(),
  );
  return { tenant, session, first, second, edges };
}

const close =
  (which: 'first' | 'second', receivedBytes = 0): Operation =>
  (world) =>
    store.tunnels.close([{ ...world[which], receivedBytes, sentBytes: 0 }], new Date());
const register =
  (which: 0 | 1): Operation =>
  ({ tenant, edges }) =>
    store.sessions.register(tenant.team.id, registration(tenant, { edgeId: edges[which] }));
const silence: Operation = ({ edges }) =>
  pool.query("UPDATE edge SET last_seen_at = '2026-01-01' WHERE id = $1", [edges[0]]);
const removeSilent: Operation = () => store.edges.removeSilent(new Date());
/** The first edge wakes up, and its tunnel has survived. */
const wake: Operation = async ({ edges, first }) => {
  await store.edges.beat({ id: edges[0], name: '', version: '', startedAt: new Date() });
  const { missing } = await store.tunnels.compare(edges[0], [first.id], new Date(0));
  if (missing.length > 0) await store.tunnels.restore(edges[0], [first], new Date());
};
const end: Operation = ({ session }) =>
  store.sessions.end(session.teamId, session.id, 'ended through the API', new Date());
const correct: Operation = () => store.sessions.correctStates(new Date());
const report: Operation = ({ first }) =>
  store.tunnels.report(
    [{ id: first.id, streamCount: 1, roundTripMs: 1, receivedBytes: 0, sentBytes: 0 }],
    new Date(),
  );
const removeManager: Operation = ({ session }) =>
  store.trafficManagers.remove(session.teamId, session.trafficManagerId);

describe('operations of edges on one session', { timeout: 120_000 }, () => {
  it.each<
    [string, { before?: Operation; race: readonly Operation[]; tunnels: readonly number[]; bytes?: number }]
  >([
    [
      'both edges close their tunnel',
      { race: [close('first', 5), close('second', 7)], tunnels: [0], bytes: 2012 },
    ],
    [
      'one edge closes its tunnel and another one registers',
      { race: [close('first'), register(1)], tunnels: [2] },
    ],
    [
      'the last tunnel closes and the manager registers elsewhere',
      { before: close('second'), race: [close('first'), register(1)], tunnels: [1] },
    ],
    ['both edges register', { race: [register(0), register(1)], tunnels: [4] }],
    ['an edge reports and closes a tunnel', { race: [report, close('first', 5)], tunnels: [1], bytes: 2005 }],
    ['two edges remove a dead one', { before: silence, race: [removeSilent, removeSilent], tunnels: [1] }],
    [
      'a dead edge is removed while the other one closes its tunnel',
      { before: silence, race: [removeSilent, close('second', 9)], tunnels: [0], bytes: 2009 },
    ],
    [
      'a dead edge is removed while the manager registers elsewhere',
      { before: silence, race: [removeSilent, register(1)], tunnels: [2] },
    ],
    // Awake, it has its tunnel again with its next upkeep at the latest.
    [
      'a dead edge wakes up while it is removed',
      { before: silence, race: [removeSilent, wake], tunnels: [1, 2] },
    ],
    ['a session ends while a tunnel closes', { race: [end, close('first', 5)], tunnels: [0], bytes: 2005 }],
    ['a session ends while its manager registers', { race: [end, register(1)], tunnels: [0] }],
    [
      'states are corrected while both tunnels close',
      { race: [correct, close('first'), close('second')], tunnels: [0] },
    ],
    [
      'a manager is removed while its tunnels close',
      { race: [removeManager, close('first'), close('second')], tunnels: [0] },
    ],
  ])('keep state, tunnels and bytes right: %s', async (_name, { before, race, tunnels, bytes }) => {
    const wrong: unknown[] = [];
    for (let raced = 0; raced < INTERLEAVINGS; raced += AT_ONCE) {
      const worlds = await Promise.all(Array.from({ length: AT_ONCE }, createWorld));
      if (before !== undefined) await Promise.all(worlds.map(before));
      const races = worlds.map((world, index) =>
        (index % 2 === 0 ? race : race.toReversed()).map((operation) => operation(world)),
      );
      await Promise.all(races.flat());
      // The next upkeep: rows that were being changed, also by another of these races, are left for it.
      await prompt.edges.removeSilent(new Date());
      for (const { session } of worlds) {
        const shown = await prompt.sessions.find(session.teamId, session.id);
        if (shown === null) continue;
        const { state, tunnelCount, receivedBytes } = shown;
        const isConsistent = (state === 'connected') === tunnelCount > 0;
        if (
          !isConsistent ||
          !tunnels.includes(tunnelCount) ||
          (bytes !== undefined && receivedBytes !== bytes)
        )
          wrong.push({ state, tunnelCount, receivedBytes });
      }
    }
    expect(wrong).toEqual([]);
  });

  it('do not block each other, however many sessions and whatever their order', async () => {
    const tenants = await Promise.all(Array.from({ length: 12 }, () => createTenant(store)));
    const credential = await createProgram(store, tenants[0]);
    const open = async (edgeId: string): Promise<HeldTunnel[]> => {
      const registered = tenants.map((tenant, index) =>
        store.sessions.register(
          tenant.team.id,
          registration(tenant, { edgeId, ...(index === 0 && { credential }) }),
        ),
      );
      return (await Promise.all(registered)).map(({ tunnel }) => tunnel);
    };
    for (let round = 0; round < 10; round++) {
      const edges = [randomUUID(), randomUUID(), randomUUID()] as const;
      const [first, second, dead] = await Promise.all(edges.map(open));
      await pool.query("UPDATE edge SET last_seen_at = '2026-01-01' WHERE id = $1", [edges[2]]);
      const all = (tunnels: readonly HeldTunnel[]) =>
        tunnels.map((tunnel) => ({
          ...tunnel,
          streamCount: 0,
          roundTripMs: null,
          receivedBytes: 1,
          sentBytes: 1,
        }));
      const now = new Date();
      await Promise.all([
        store.tunnels.close(all(first), now),
        store.tunnels.close(all(second).toReversed(), now),
        store.tunnels.report(all(first), now),
        store.tunnels.report(all(second).toReversed(), now),
        store.tunnels.report(all(dead), now),
        store.edges.removeSilent(now),
        store.edges.removeSilent(now),
        store.sessions.correctStates(now),
        store.sessions.endStale(new Date(0), now),
        store.tunnels.restore(edges[2], dead, now),
        open(randomUUID()),
      ]);
    }
    await store.programs.revoke(credential.userId, credential.programId);
    const { rows } = await pool.query(
      `SELECT s.state, count(t.id) AS tunnels FROM session s LEFT JOIN tunnel t ON t.session_id = s.id
       WHERE s.team_id = ANY($1) GROUP BY s.id HAVING (s.state = 'connected') <> (count(t.id) > 0)`,
      [tenants.map(({ team }) => team.id)],
    );
    expect(rows).toEqual([]);
  });
});
