/** What people learn of traffic managers that are refused because of their cluster. The store is real. */
import { ManagerIdTakenError, type ResourceChange, type Store } from '@culvert/domain';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { storeTeam, type StoredTeam } from '../spec/stored-team.js';
import { ClusterConflicts } from './cluster-conflicts.js';

const REFUSED = { clusterId: 'west', name: 'staging', remoteAddress: '198.51.100.2' };

let team: StoredTeam;
let store: Store;
let teamId: string;
let error: ManagerIdTakenError;
let lines: Record<string, unknown>[];
let changes: ResourceChange[];

beforeAll(async () => {
  team = await storeTeam();
  ({ store, teamId } = team);
});
afterAll(() => team.stop());

let count = 0;
beforeEach(async () => {
  lines = [];
  changes = [];
  const managerId = `m${++count}`;
  const identity = { managerId, clusterId: 'east', name: 'production', version: '1' };
  const { id, name, clusterId } = (await store.trafficManagers.create(teamId, identity))!;
  error = new ManagerIdTakenError(managerId, { id, name, clusterId, remoteAddress: '192.0.2.7' });
});

const edge = (now?: () => number): ClusterConflicts =>
  new ClusterConflicts(
    store,
    { changed: (change) => void changes.push(change) },
    pino({}, { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) }),
    now,
  );

const entries = async () =>
  (await store.auditEvents.list(teamId, { limit: 10 }, { targetId: error.holder.id })).items;

describe('a traffic manager that is refused because of its cluster', () => {
  it('appears in the audit log and the edge log, with both clusters and addresses', async () => {
    await edge().report(teamId, error, REFUSED);
    expect(await entries()).toMatchObject([
      {
        action: 'traffic-manager.refuse',
        actor: { kind: 'system', address: '198.51.100.2' },
        targetName: 'production',
        before: { clusterId: 'east', remoteAddress: '192.0.2.7' },
        after: { clusterId: 'west', name: 'staging', remoteAddress: '198.51.100.2' },
      },
    ]);
    expect(lines).toMatchObject([
      { level: 40, holder: { clusterId: 'east', remoteAddress: '192.0.2.7' }, refused: REFUSED },
    ]);
    expect(changes.map(({ resource }) => resource)).toEqual(['audit-event']);
  });

  it('gets one entry an hour, however often and at whichever edge it tries', async () => {
    const first = edge();
    for (let attempt = 0; attempt < 3; attempt++) await first.report(teamId, error, REFUSED);
    for (let attempt = 0; attempt < 3; attempt++) await edge().report(teamId, error, REFUSED);
    expect(await entries()).toHaveLength(1);
    expect(lines).toHaveLength(6);
  });

  it('gets another entry after an hour', async () => {
    await edge().report(teamId, error, REFUSED);
    await edge(() => Date.now() + 61 * 60_000).report(teamId, error, REFUSED);
    expect(await entries()).toHaveLength(2);
  });

  it('learns which cluster has its id, from where, and what to do', () => {
    const reason = edge().reasonOf(error);
    for (const part of [error.managerId, '"east"', '192.0.2.7', 'CULVERT_MANAGER_ID', 'managerId'])
      expect(reason).toContain(part);
  });
});
