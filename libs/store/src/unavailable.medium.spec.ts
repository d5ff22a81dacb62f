import { StoreUnavailableError, type Store } from '@culvert/domain';
import { createTestDatabase, StallingProxy, type TestDatabase } from '@culvert/testkit';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
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
});

describe('time limits of the store', () => {
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
