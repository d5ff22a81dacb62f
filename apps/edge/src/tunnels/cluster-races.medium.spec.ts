/**
 * Two installations with one manager id reach two edges at the same moment. Without the lock on the row of the manager,
 * each edge would find that no other cluster is connected, and accept its own.
 */
import type { Store } from '@culvert/domain';
import { createStore } from '@culvert/store';
import { GoAwayCode } from '@culvert/tunnel';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Dialed, NativeEdge } from '../spec/native-edge.js';
import { storeTeam, type StoredTeam } from '../spec/stored-team.js';

const ROUNDS = 15;
const CLUSTERS = ['east', 'west'];

let team: StoredTeam;
/** Store of the second edge, with connections of its own. */
let otherStore: Store;
let edges: NativeEdge[];

beforeAll(async () => {
  team = await storeTeam();
  otherStore = await createStore({ databaseUrl: team.database.url, dataDir: 'memory' });
  edges = [new NativeEdge(team.store, team.owner), new NativeEdge(otherStore, team.owner)];
});
afterAll(async () => {
  await Promise.all(edges.map((edge) => edge.stop()));
  await otherStore?.close();
  await team?.stop();
});

const codeOf = (dialed: Dialed) => ('refusal' in dialed ? dialed.refusal : null);

/** Each cluster dials an edge of its own with this manager id. Expects that one of them is refused; returns the other. */
async function race(managerId: string): Promise<Exclude<Dialed, { refusal: unknown }>> {
  const all = await Promise.all(
    edges.map((edge, i) => edge.dial({ managerId, clusterId: CLUSTERS[i], instanceId: CLUSTERS[i] })),
  );
  expect(new Set(all.map(codeOf))).toEqual(new Set([null, GoAwayCode.MANAGER_ID_TAKEN]));
  const { items } = await team.store.sessions.list(team.teamId, { state: 'connected' }, { limit: 100 });
  const winner = all.findIndex((dialed) => codeOf(dialed) === null);
  const [session] = items.filter((item) => item.trafficManager.managerId === managerId);
  expect(session).toMatchObject({ trafficManager: { clusterId: CLUSTERS[winner] }, tunnelCount: 1 });
  return all[winner] as Exclude<Dialed, { refusal: unknown }>;
}

it('accepts one of two clusters that register one manager id at two edges at once, and refuses the other', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const managerId = `shared-${round}`;
    const first = await race(managerId);
    first.tunnel.close(GoAwayCode.NORMAL, 'stopping');
    await expect
      .poll(
        async () => (await team.store.sessions.list(team.teamId, { state: 'connected' }, { limit: 1 })).items,
      )
      .toEqual([]);
    // Now the manager exists, and its session waits for it.
    const second = await race(managerId);
    second.tunnel.close(GoAwayCode.NORMAL, 'stopping');
    await expect.poll(() => edges.map(({ sessions }) => sessions.count)).toEqual([0, 0]);
  }
});
