/**
 * Gives tests real services. Two Vitest projects use this file, each in a module graph of its own. The first starts the
 * services and the last stops them, so their shared state is stored on the process.
 */
import { createStore } from '@culvert/store';
import { createTestDatabase, type TestDatabase } from '@culvert/testkit';
import type { TestProject } from 'vitest/node';
import { ensureChromium } from './chromium.js';
import { startPostgres } from './postgres.js';
import { startRedis } from './redis.js';
import type { Service } from './server.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** A database on a server where tests may create others: see `createTestDatabase`. */
    databaseUrl: string;
    /** A database there with the current schema and nothing else, for `createTestDatabase` to copy. */
    migratedDatabase: string;
    redisUrl: string;
    /** For project `system` only. */
    chromiumPath: string;
  }
}

interface Services {
  readonly postgres: Service;
  readonly redis: Service;
  readonly migrated: TestDatabase;
}

interface Shared {
  readonly services: Promise<Services>;
  users: number;
}

const SHARED = Symbol.for('culvert.test-services');
const onProcess = globalThis as { [SHARED]?: Shared | undefined };

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const shared = (onProcess[SHARED] ??= { services: startAll(), users: 0 });
  shared.users++;
  try {
    const [{ postgres, redis, migrated }, chromiumPath] = await Promise.all([
      shared.services,
      project.name === 'system' ? ensureChromium() : null,
    ]);
    project.provide('databaseUrl', postgres.url);
    project.provide('migratedDatabase', new URL(migrated.url).pathname.slice(1));
    project.provide('redisUrl', redis.url);
    if (chromiumPath !== null) project.provide('chromiumPath', chromiumPath);
  } catch (error) {
    await release(shared);
    throw error;
  }
  return () => release(shared);
}

async function release(shared: Shared): Promise<void> {
  if (--shared.users > 0) return;
  onProcess[SHARED] = undefined;
  // A failed start has already stopped what it began.
  const services = await shared.services.catch(() => null);
  if (services === null) return;
  // The server may be a permanent one.
  await services.migrated.drop();
  await Promise.all([services.postgres.stop(), services.redis.stop()]);
}

async function startAll(): Promise<Services> {
  const [postgres, redis] = await Promise.allSettled([startPostgres(), startRedis()]);
  const failures: unknown[] = [];
  if (postgres.status === 'fulfilled' && redis.status === 'fulfilled') {
    try {
      const migrated = await createMigrated(postgres.value.url);
      return { postgres: postgres.value, redis: redis.value, migrated };
    } catch (error) {
      failures.push(error);
    }
  }
  for (const result of [postgres, redis]) {
    if (result.status === 'fulfilled') await result.value.stop();
    else failures.push(result.reason);
  }
  throw failures.length === 1
    ? (failures[0] as Error)
    : new AggregateError(failures, 'tests need Postgres and Redis');
}

/** Migrating takes a second, copying a migrated database a tenth of it. */
async function createMigrated(serverUrl: string): Promise<TestDatabase> {
  const database = await createTestDatabase(serverUrl);
  const store = await createStore({ databaseUrl: database.url, dataDir: 'memory' });
  await store.close();
  return database;
}
