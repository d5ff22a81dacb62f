import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { createTestDatabase } from '@culvert/testkit';
import { openDatabase } from '../database/open-database.js';
import type { Database } from '../database/database.js';
import { createStore } from '../store.js';
import { findPrismaFolder, readMigrations } from './migrations-folder.js';
import { migrate, MigrationError } from './migrate.js';
import { readMigratedCluster } from './migrated-cluster.js';
import { diffMigrations, writeMigration } from './next-migration.js';

let cleanUp: (() => Promise<unknown>)[];
beforeEach(() => {
  cleanUp = [];
});
afterEach(async () => {
  for (const step of cleanUp.toReversed()) await step();
});

describe('the migrations folder', () => {
  it('results in schema.prisma', async () => {
    // If this prints SQL, run: npm run db:migration -- <name>
    expect(await diffMigrations(findPrismaFolder())).toBeNull();
  });

  // Starts Prisma's schema engine several times: eight seconds of a core, which a busy machine spreads over a minute.
  it('gets the next migration when the schema has changed', { timeout: 180_000 }, async () => {
    const folder = await copyPrismaFolder();
    const now = new Date('2031-02-03T04:05:06.789Z');
    expect(await writeMigration(folder, 'nothing', now)).toBeNull();

    const schema = join(folder, 'schema.prisma');
    const text = await readFile(schema, 'utf8');
    await writeFile(schema, text.replace('@@map("team")', 'plan String?\n\n  @@map("team")'));
    const written = await writeMigration(folder, 'add_plan', now);
    expect(written).toBe(join(folder, 'migrations', '20310203040506_add_plan'));
    expect(await readFile(join(written!, 'migration.sql'), 'utf8')).toContain('ADD COLUMN     "plan" TEXT');
    expect(await diffMigrations(folder)).toBeNull();

    const database = await openServer();
    expect((await migrate(database, folder)).at(-1)).toBe('20310203040506_add_plan');
    await database.pool.query('SELECT plan FROM team');
  });

  it.each(['', 'Add', 'add-plan', '../../evil', 'a b', '1a', 'a'.repeat(61)])(
    'gets none named "%s"',
    async (name) => {
      const folder = await copyPrismaFolder();
      const before = await readdir(join(folder, 'migrations'));
      await expect(writeMigration(folder, name, new Date())).rejects.toThrow('lower-case');
      expect(await readdir(join(folder, 'migrations'))).toEqual(before);
    },
  );
});

describe.each(['embedded', 'server'] as const)('migrate (%s)', (kind) => {
  const open = () => (kind === 'server' ? openServer() : openEmbedded());
  const openMigrated = async () => {
    const migrated =
      kind === 'server' ? openServer(inject('migratedDatabase')) : openEmbedded(() => readMigratedCluster());
    const database = await migrated;
    // Nothing is left to do, unless the build has created no embedded cluster.
    await migrate(database);
    return database;
  };

  it('applies every migration once, and records it as Prisma does', async () => {
    const database = await open();
    const migrations = await readMigrations(findPrismaFolder());
    expect(await migrate(database)).toEqual(migrations.map(({ name }) => name));
    expect(await migrate(database)).toEqual([]);
    const { rows } = await database.pool.query(
      `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS finished, applied_steps_count AS steps
       FROM _prisma_migrations ORDER BY migration_name`,
    );
    expect(rows).toEqual(
      migrations.map(({ name, checksum }) => ({ name, checksum, finished: true, steps: 1 })),
    );
  });

  it('refuses a migration that was edited after it was applied', async () => {
    const folder = await copyPrismaFolder();
    const database = await openMigrated();
    const [{ name }] = await readMigrations(folder);
    const file = join(folder, 'migrations', name, 'migration.sql');
    await writeFile(file, `${await readFile(file, 'utf8')}\n-- a second thought\n`);
    const again = migrate(database, folder);
    await expect(again).rejects.toBeInstanceOf(MigrationError);
    await expect(again).rejects.toThrow(name);
  });

  it('rolls back a failing migration, and reports it until it is fixed', async () => {
    const folder = await copyPrismaFolder();
    const database = await openMigrated();
    const broken = await addMigration(
      folder,
      '20990101000000_broken',
      "CREATE TABLE half (text text DEFAULT 'a;b'); INSERT INTO half VALUES ('x'); SELECT * FROM no_such_table;",
    );
    const failure = migrate(database, folder);
    await expect(failure).rejects.toBeInstanceOf(MigrationError);
    await expect(failure).rejects.toThrow('no_such_table');
    const { rows } = await database.pool.query("SELECT to_regclass('half') AS half");
    expect(rows).toEqual([{ half: null }]);

    await expect(migrate(database, folder)).rejects.toThrow('20990101000000_broken failed before');

    await writeFile(broken, "CREATE TABLE half (text text DEFAULT 'a;b');");
    await database.pool.query("DELETE FROM _prisma_migrations WHERE migration_name LIKE '%broken'");
    expect(await migrate(database, folder)).toEqual(['20990101000000_broken']);
  });

  it('does not change a database that is newer than the program', async () => {
    const folder = await copyPrismaFolder();
    const database = await openMigrated();
    await addMigration(folder, '20990101000000_newer', 'CREATE TABLE newer ();');
    expect(await migrate(database, folder)).toEqual(['20990101000000_newer']);
    expect(await migrate(database)).toEqual([]);
  });
});

// A process that starts during a migration sees one that has begun and not finished: it must wait for the lock, not treat
// the other as failed.
it('migrate waits for another process that is migrating', async () => {
  const database = await openServer(inject('migratedDatabase'));
  const [{ name: first }] = await readMigrations(findPrismaFolder());
  const begun = 'UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name = $1';
  const finished = 'UPDATE _prisma_migrations SET finished_at = now() WHERE migration_name = $1';
  let late: Promise<string[]> | undefined;
  await database.exclusively(async (pool) => {
    await pool.query(begun, [first]);
    late = migrate(database);
    late.catch(() => {});
    const waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    while ((await pool.query(waiting)).rowCount === 0) {
      // Rejects if the program does not wait for the lock.
      await Promise.race([late, new Promise((resolve) => setImmediate(resolve))]);
    }
    await pool.query(finished, [first]);
  });
  expect(await late).toEqual([]);
});

describe('createStore', () => {
  it('applies each migration once when several processes start on a new database', async () => {
    const { url, drop } = await createTestDatabase(inject('databaseUrl'));
    cleanUp.push(drop);
    const stores = await Promise.all(
      [1, 2, 3].map(() => createStore({ databaseUrl: url, dataDir: 'memory' })),
    );
    for (const store of stores) cleanUp.push(() => store.close());
    const database = await openDatabase({ databaseUrl: url, dataDir: 'memory' });
    cleanUp.push(() => database.close());
    const { rows } = await database.pool.query(
      'SELECT migration_name AS name FROM _prisma_migrations ORDER BY 1',
    );
    expect(rows).toEqual((await readMigrations(findPrismaFolder())).map(({ name }) => ({ name })));
    await Promise.all(stores.map((store) => store.ping()));
  });

  it('keeps everything on a server after reopening', async () => {
    const { url, drop } = await createTestDatabase(inject('databaseUrl'));
    cleanUp.push(drop);
    await expectKept({ databaseUrl: url, dataDir: 'memory' });
  });

  it('keeps everything in a data directory after reopening', async () => {
    await expectKept({ dataDir: await makeFolder() });
  });

  it('refuses an unreachable server, in bounded time', async () => {
    const before = performance.now();
    await expect(
      createStore({ databaseUrl: 'postgresql://nobody@127.0.0.1:1/none', dataDir: 'memory' }),
    ).rejects.toThrow();
    expect(performance.now() - before).toBeLessThan(10_000);
  });

  it('rejects pings and queries while the server is down, and works again when it is back', async () => {
    const { url, drop } = await createTestDatabase(inject('databaseUrl'));
    cleanUp.push(drop);
    const store = await createStore({ databaseUrl: url, dataDir: 'memory' });
    cleanUp.push(() => store.close());
    const admin = await openDatabase({ databaseUrl: inject('databaseUrl'), dataDir: 'memory' });
    cleanUp.push(() => admin.close());
    const name = new URL(url).pathname.slice(1);
    await admin.pool.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await admin.pool.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [
      name,
    ]);
    await expect(store.ping()).rejects.toThrow();
    await expect(store.previews.findRoute('a.preview.test')).rejects.toThrow();
    await admin.pool.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    await expect(store.ping()).resolves.toBeUndefined();
    expect(await store.previews.findRoute('a.preview.test')).toBeNull();
  });
});

async function expectKept(location: Parameters<typeof createStore>[0]): Promise<void> {
  const first = await createStore(location);
  const team = await first.teams.create('kept');
  const manager = await first.trafficManagers.create(team.id, {
    managerId: 'm',
    clusterId: '',
    name: 'n',
    version: '',
  });
  await first.close();
  await first.close();
  const second = await createStore(location);
  cleanUp.push(() => second.close());
  expect(await second.teams.find(team.id)).toEqual(team);
  expect(await second.trafficManagers.find(team.id, manager!.id)).toEqual(manager);
}

/** @param original see `createTestDatabase` */
async function openServer(original?: string): Promise<Database> {
  const { url, drop } = await createTestDatabase(inject('databaseUrl'), original);
  cleanUp.push(drop);
  const database = await openDatabase({ databaseUrl: url, dataDir: 'memory' });
  cleanUp.push(() => database.close());
  return database;
}

async function openEmbedded(readCluster?: () => Promise<Blob | null>): Promise<Database> {
  const database = await openDatabase({ dataDir: 'memory' }, readCluster);
  cleanUp.push(() => database.close());
  return database;
}

async function copyPrismaFolder(): Promise<string> {
  const folder = await makeFolder();
  await cp(findPrismaFolder(), folder, { recursive: true });
  return folder;
}

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'culvert-store-'));
  cleanUp.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function addMigration(folder: string, name: string, sql: string): Promise<string> {
  await mkdir(join(folder, 'migrations', name));
  const file = join(folder, 'migrations', name, 'migration.sql');
  await writeFile(file, sql);
  return file;
}
