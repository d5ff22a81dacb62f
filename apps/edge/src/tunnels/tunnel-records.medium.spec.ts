/** The rows of one edge on a real database, while other edges and the database itself misbehave. */
import { randomUUID } from 'node:crypto';
import type { HeldTunnel, Session, Store } from '@culvert/domain';
import { createStore } from '@culvert/store';
import { createTestDatabase, type TestDatabase } from '@culvert/testkit';
import { Client } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { FakeTunnel } from '../spec/fake-tunnel.js';
import { TunnelRecords } from './tunnel-records.js';

const GRACE_MS = 60_000;
/** Time by which an edge holds a tunnel that it has registered. */
const LATER = new Date(Date.now() + 3_600_000);

describe(TunnelRecords.name, () => {
  let database: TestDatabase;
  let store: Store;
  let client: Client;
  let teamId: string;
  let apiKeyId: string;
  let edgeId: string;
  let records: TunnelRecords;
  let session: Session;
  let held: HeldTunnel;
  let tunnel: FakeTunnel;

  beforeAll(async () => {
    database = await createTestDatabase(inject('databaseUrl'), inject('migratedDatabase'));
    store = await createStore({ databaseUrl: database.url, dataDir: 'memory' });
    client = new Client({ connectionString: database.url });
    await client.connect();
    teamId = (await store.teams.create('Shop')).id;
    const draft = {
      name: 'test',
      hint: 'cvt_',
      hash: randomUUID(),
      scopes: ['tunnel'],
      expiresAt: null,
    } as const;
    apiKeyId = (await store.apiKeys.create(teamId, draft)).id;
  });
  beforeEach(async () => {
    edgeId = randomUUID();
    records = new TunnelRecords(
      store,
      { id: edgeId, name: 'host', version: '1', startedAt: new Date() },
      pino({ enabled: false }),
    );
    await records.beat(new Date());
    ({ session, tunnel: held } = await register());
    tunnel = new FakeTunnel();
    records.add(held, tunnel);
  });
  afterAll(async () => {
    await client?.end();
    await store?.close();
    await database?.drop();
  });

  const register = (managerId: string = randomUUID()) =>
    store.sessions.register(teamId, {
      identity: { managerId, clusterId: '', name: 'm', version: '' },
      kind: 'native',
      credential: { kind: 'api-key', apiKeyId },
      edgeId,
      remoteAddress: '192.0.2.1',
      instanceId: 'process-1',
      at: new Date(),
    });
  const shown = async () => (await store.sessions.find(teamId, session.id))!;
  /** Identifies the versions of the rows of all tunnels of this edge, their sessions and traffic managers. */
  const versions = async () =>
    (
      await client.query(
        `SELECT t.xmin::text AS tunnel, s.xmin::text AS session, m.xmin::text AS manager
         FROM tunnel t JOIN session s ON s.id = t.session_id JOIN traffic_manager m ON m.id = s.traffic_manager_id
         WHERE t.edge_id = $1 ORDER BY t.id`,
        [edgeId],
      )
    ).rows;
  const forget = async () => {
    await client.query("UPDATE edge SET last_seen_at = '2026-01-01' WHERE id = $1", [edgeId]);
    await store.edges.removeSilent(new Date());
  };

  it('change no row of idle tunnels, however many', async () => {
    for (let i = 0; i < 50; i++) records.add((await register()).tunnel, new FakeTunnel());
    await records.keepUp(LATER, GRACE_MS);
    const before = await versions();
    expect(before).toHaveLength(51);
    for (let i = 0; i < 5; i++) {
      // Pings.
      tunnel.receivedBytes += 300;
      tunnel.sentBytes += 300;
      await records.beat(new Date());
      expect(await records.keepUp(LATER, GRACE_MS)).toEqual([]);
    }
    expect(await versions()).toEqual(before);
    tunnel.streamCount = 1;
    await records.keepUp(LATER, GRACE_MS);
    expect(await shown()).toMatchObject({ streamCount: 1, receivedBytes: 1500, sentBytes: 1500 });
  });

  it('add tunnels again that another edge removed, without counting bytes twice', async () => {
    tunnel.receivedBytes = 10_000;
    await records.keepUp(LATER, GRACE_MS);
    await forget();
    expect(await shown()).toMatchObject({ state: 'disconnected', tunnelCount: 0, receivedBytes: 10_000 });
    tunnel.receivedBytes = 10_500;
    await records.beat(new Date());
    const { id, trafficManagerId } = session;
    expect(await records.keepUp(LATER, GRACE_MS)).toContainEqual({ id, teamId, trafficManagerId });
    await records.keepUp(LATER, GRACE_MS);
    expect(await shown()).toMatchObject({
      state: 'connected',
      receivedBytes: 10_500,
      tunnels: [{ id: held.id, edge: { id: edgeId, name: 'host' } }],
    });
    records.remove(held);
    tunnel.receivedBytes = 99_999;
    await records.writeClosed();
    expect(await shown()).toMatchObject({ state: 'disconnected', receivedBytes: 10_500 });
  });

  it('count the bytes of a tunnel that closes after another edge removed it', async () => {
    tunnel.receivedBytes = 10_000;
    await records.keepUp(LATER, GRACE_MS);
    await forget();
    tunnel.receivedBytes = 10_700;
    records.remove(held);
    await records.writeClosed();
    expect(await shown()).toMatchObject({ state: 'disconnected', receivedBytes: 10_700 });
  });

  it('count the bytes of a tunnel that closes during its report once', async () => {
    const report = store.tunnels.report.bind(store.tunnels);
    const reporting = vi.spyOn(store.tunnels, 'report').mockImplementationOnce(async (...all) => {
      const accepted = await report(...all);
      tunnel.receivedBytes = 10_700;
      records.remove(held);
      return accepted;
    });
    tunnel.receivedBytes = 10_000;
    await records.report(held);
    reporting.mockRestore();
    await records.writeClosed();
    expect(await shown()).toMatchObject({ state: 'disconnected', receivedBytes: 10_700 });
  });

  // Another cluster may have registered with the manager id meanwhile, which only a registration finds out.
  it('add no row of a tunnel that was accepted while the database was away, before it is registered', async () => {
    const { id: sessionId } = session;
    const late = { ...held, id: randomUUID() };
    const lateTunnel = new FakeTunnel();
    records.addUnregistered(late, lateTunnel);
    lateTunnel.receivedBytes = 9000;
    await records.keepUp(LATER, GRACE_MS);
    expect(await shown()).toMatchObject({ tunnelCount: 1, receivedBytes: 0 });
    records.confirm(late);
    await records.keepUp(LATER, GRACE_MS);
    await records.keepUp(LATER, GRACE_MS);
    expect(await shown()).toMatchObject({ id: sessionId, tunnelCount: 2, receivedBytes: 9000 });
  });

  it('remove rows of tunnels that the edge never held', async () => {
    const lost = await register();
    expect((await store.sessions.find(teamId, lost.session.id))?.tunnelCount).toBe(1);
    await records.keepUp(LATER, GRACE_MS);
    expect(await store.sessions.find(teamId, lost.session.id)).toMatchObject({
      state: 'disconnected',
      tunnelCount: 0,
    });
    expect((await shown()).tunnelCount).toBe(1);
  });

  it('keep rows of tunnels that are being registered', async () => {
    const registering = await register();
    await records.keepUp(new Date(), GRACE_MS);
    expect((await store.sessions.find(teamId, registering.session.id))?.state).toBe('connected');
  });

  it('write closed tunnels later that the store did not accept', async () => {
    const close = vi.spyOn(store.tunnels, 'close').mockRejectedValueOnce(new Error('away'));
    tunnel.receivedBytes = 5;
    records.remove(held);
    await expect(records.writeClosed()).rejects.toThrow('away');
    close.mockRestore();
    expect((await shown()).state).toBe('connected');
    await records.keepUp(new Date(), GRACE_MS);
    expect(await shown()).toMatchObject({ state: 'disconnected', receivedBytes: 5 });
  });

  it('report bytes again that the store did not accept', async () => {
    const report = vi.spyOn(store.tunnels, 'report').mockRejectedValueOnce(new Error('away'));
    tunnel.receivedBytes = 5000;
    await expect(records.report(held)).rejects.toThrow('away');
    report.mockRestore();
    tunnel.receivedBytes = 9000;
    await records.report(held);
    expect((await shown()).receivedBytes).toBe(9000);
  });

  // Sessions whose traffic managers had returned from the memory of an edge were ended by the first edge that saw the
  // database again, before that edge could register the tunnels. Previews that end with a session were removed.
  it('end sessions that were disconnected for the grace period, but only after the edge was seen for as long', async () => {
    records.remove(held);
    await records.writeClosed();
    const upkeep = async (seconds: number) => {
      const now = new Date(LATER.getTime() + seconds * 1000);
      await records.beat(now);
      return records.keepUp(now, GRACE_MS);
    };
    for (const seconds of [0, 10, 20, 30, 40, 50]) {
      await upkeep(seconds);
      expect((await shown()).state).toBe('disconnected');
    }
    expect(await upkeep(60)).toContainEqual(expect.objectContaining({ id: session.id }));
    expect((await shown()).state).toBe('ended');
  });

  it('remove the row of the edge at the end', async () => {
    records.remove(held);
    await records.writeClosed();
    await records.removeEdge();
    expect((await client.query('SELECT FROM edge WHERE id = $1', [edgeId])).rowCount).toBe(0);
  });

  // When the database was back after a minute, the first edge that was seen again removed all others.
  it('remove dead edges only after the edge itself was seen for 30 seconds without a gap', async () => {
    const dead = randomUUID();
    const silence = async () => {
      await store.edges.beat({ id: dead, name: '', version: '', startedAt: new Date() });
      await client.query("UPDATE edge SET last_seen_at = '2026-01-01' WHERE id = $1", [dead]);
    };
    const isThere = async () => (await client.query('SELECT FROM edge WHERE id = $1', [dead])).rowCount === 1;
    const start = Date.now();
    const upkeep = async (seconds: number) => {
      const now = new Date(start + seconds * 1000);
      await records.beat(now).catch(() => {});
      await records.keepUp(now, GRACE_MS);
      return isThere();
    };
    await silence();
    for (const seconds of [10, 20]) expect(await upkeep(seconds)).toBe(true);
    const beat = vi.spyOn(store.edges, 'beat').mockRejectedValueOnce(new Error('away'));
    expect(await upkeep(30)).toBe(true);
    beat.mockRestore();
    for (const seconds of [40, 50, 60]) expect(await upkeep(seconds)).toBe(true);
    expect(await upkeep(70)).toBe(false);
    await silence();
    // It slept.
    for (const seconds of [170, 180, 190]) expect(await upkeep(seconds)).toBe(true);
    expect(await upkeep(200)).toBe(false);
  });

  it('leave an edge with tunnels to the other edges', async () => {
    await records.removeEdge();
    expect((await client.query('SELECT FROM edge WHERE id = $1', [edgeId])).rowCount).toBe(1);
  });
});
