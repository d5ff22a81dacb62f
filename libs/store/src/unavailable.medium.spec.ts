import { randomUUID } from 'node:crypto';
import { type ConnectionEventDraft, StoreUnavailableError, type Store } from '@culvert/domain';
import { createTestDatabase, StallingProxy, type TestDatabase } from '@culvert/testkit';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Client } from 'pg';
import { createPreview, createTenant, registration } from './spec/databases.js';
import { createStore } from './store.js';
import { isUnavailable } from './unavailable.js';
import { connectServer } from './database/postgres-server.js';

describe('the store on a server that stalls', () => {
  let database: TestDatabase;
  let proxy: StallingProxy & { readonly url: string };
  let store: Store;

  beforeAll(async () => {
    database = await createTestDatabase(inject('databaseUrl'), inject('migratedDatabase'));
    proxy = await StallingProxy.start(database.url);
    store = await createStore({ databaseUrl: proxy.url, dataDir: 'memory' });
  });
  afterAll(async () => {
    proxy?.resume();
    await store?.close();
    await proxy?.stop();
    await database?.drop();
  });

  it('rejects every call within five seconds, and answers again once the server does', async () => {
    const team = await store.teams.create('a team');
    proxy.stall();
    const before = performance.now();
    const calls = [
      ...Array.from({ length: 20 }, () => store.teams.find(team.id)),
      // In transactions.
      ...Array.from({ length: 5 }, () => store.teams.create('another')),
      ...Array.from({ length: 5 }, () => store.previews.remove(team.id, team.id)),
      store.ping(),
    ];
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: expect.any(StoreUnavailableError) as unknown,
      });
    }
    expect(performance.now() - before).toBeLessThan(5000);
    proxy.resume();
    // Connections with an unanswered query are gone: none of them answers an old query later.
    await expect.poll(() => store.teams.find(team.id).catch(() => null)).toMatchObject({ id: team.id });
  });

  /**
   * The server gets what was sent during the stall when it is over. By then the caller has given up, and writes again: one
   * that adds to a count would add twice.
   */
  it('counts bytes, traffic and history once that a caller writes again after a stall', async () => {
    const tenant = await createTenant(store);
    const { team, manager } = tenant;
    const preview = await createPreview(store, tenant);
    const registered = await store.sessions.register(team.id, registration(tenant));
    const { session, tunnel } = registered;
    const now = new Date();
    const report = { id: tunnel.id, streamCount: 1, roundTripMs: 1, receivedBytes: 1000, sentBytes: 100 };
    const event: ConnectionEventDraft = {
      teamId: team.id,
      trafficManagerId: manager.id,
      sessionId: session.id,
      at: now,
      change: 'connected',
      kind: 'native',
      edgeId: 'edge-1',
      remoteAddress: '192.0.2.1',
      version: '1.2.3',
      reason: null,
      detail: '',
      omittedBefore: 0,
    };
    const traffic = {
      teamId: team.id,
      previewId: preview.id,
      minute: new Date(Date.UTC(2026, 0, 1)),
      requests: 7,
      clientErrors: 0,
      serverErrors: 0,
      edgeErrors: 0,
      bytesIn: 0,
      bytesOut: 0,
      answers: 0,
      firstByteMsSum: 0,
      firstByteMsMax: 0,
    };
    const writeAll = () => [
      store.tunnels.report([report], now),
      store.connectionEvents.append([event]),
      store.previewTraffic.add([traffic]),
    ];
    const observer = new Client({ connectionString: database.url });
    await observer.connect();
    const connections = async (): Promise<number[]> => {
      const { rows } = await observer.query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'culvert'`,
      );
      return rows.map(({ pid }) => pid);
    };
    try {
      // Opens as many connections as the writes need, so that each write is sent.
      await Promise.all(Array.from({ length: 5 }, () => store.teams.create('another')));
      const before = await connections();
      expect(before.length).toBeGreaterThanOrEqual(3);
      proxy.stall();
      for (const outcome of await Promise.allSettled(writeAll())) expect(outcome.status).toBe('rejected');
      proxy.resume();
      await expect
        .poll(async () => (await connections()).filter((pid) => before.includes(pid)).length)
        .toBeLessThanOrEqual(before.length - 3);
      await Promise.all(writeAll());
      expect(await store.sessions.find(team.id, session.id)).toMatchObject({
        receivedBytes: 1000,
        sentBytes: 100,
      });
      expect((await store.connectionEvents.list(team.id, manager.id, { limit: 10 })).items).toHaveLength(1);
      const minutes = await store.previewTraffic.ofPreview(team.id, preview.id, new Date(0));
      expect(minutes).toMatchObject([{ requests: 7 }]);
    } finally {
      await observer.end();
    }
  });
});

describe('time limits of the store', () => {
  it('end the wait for locks of one team, behind which the kept exchanges of others wait', async () => {
    const database = await createTestDatabase(inject('databaseUrl'), inject('migratedDatabase'));
    const store = await createStore({ databaseUrl: database.url, dataDir: 'memory' });
    const holder = new Client({ connectionString: database.url });
    await holder.connect();
    try {
      const tenant = await createTenant(store);
      const teamId = tenant.team.id;
      await store.teams.setKeepPolicy(teamId, { maxCount: 9, maxHours: 9, bodies: false, redactedNames: [] });
      const preview = await createPreview(store, tenant);
      await store.previews.update(teamId, preview.id, { keep: { count: 9, hours: 9 } });
      const draft = { startedAt: new Date(), omitted: 1, keyId: null, sealed: null, sealedBodies: null };
      const add = () =>
        store.background.keptExchanges.add(teamId, preview.id, {
          policyVersion: 1,
          at: new Date(),
          drafts: [{ id: randomUUID(), ...draft }],
        });
      expect(await add()).toBe(true);
      await holder.query('BEGIN');
      await holder.query('SELECT FROM team WHERE id = $1 FOR UPDATE', [teamId]);
      await expect(add()).rejects.toBeInstanceOf(StoreUnavailableError);
      await holder.query('ROLLBACK');
      expect(await add()).toBe(true);
    } finally {
      await holder.end();
      await store.close();
      await database.drop();
    }
  });

  it('let background work take longer than a caller waits', async () => {
    const database = connectServer(inject('databaseUrl'));
    try {
      const limitOf = async (pool: typeof database.pool) =>
        (
          await pool.query<{ ms: string }>(
            `SELECT setting AS ms FROM pg_settings WHERE name = 'statement_timeout'`,
          )
        ).rows[0]?.ms;
      expect(await limitOf(database.pool)).toBe('3500');
      expect(await limitOf(database.backgroundPool)).toBe('60000');
      expect(await database.exclusively(limitOf)).toBe('0');
    } finally {
      await database.close();
    }
  });

  it('end a statement that runs too long, and keep its connection', async () => {
    const database = connectServer(inject('databaseUrl'));
    try {
      const pid = async () =>
        (await database.pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
      const before = await pid();
      const error: unknown = await database.pool
        .query(`SET statement_timeout = 10; SELECT pg_sleep(5)`)
        .catch((e: unknown) => e);
      expect(isUnavailable(error)).toBe(true);
      expect(await pid()).not.toBeUndefined();
      expect(before).not.toBeUndefined();
    } finally {
      await database.close();
    }
  });
});
