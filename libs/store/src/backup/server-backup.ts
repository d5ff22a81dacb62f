/** What a backup and a restore need from a Postgres server beside its own tools. */
import { Client } from 'pg';
import { connectServer } from '../database/postgres-server.js';
import { migrate, readAppliedNames } from '../migrate/migrate.js';
import { BackupError } from './backup-error.js';
import type { ReplaceOptions } from './embedded-backup.js';

const CONNECT_TIMEOUT_MS = 10_000;
/** Prefix of the schema that keeps the data from before a restore until that is complete. */
const REPLACED = 'culvert_replaced_';

/** One state of a database, which other connections can read while this one is open. */
export interface ServerSnapshot {
  /** For `pg_dump --snapshot`. */
  readonly id: string;
  /** Major version of the server. */
  readonly postgres: number;
  /** Names of the applied migrations, in order. */
  readonly migrations: readonly string[];
  close(): Promise<void>;
}

/** @throws BackupError if the database has no tables of Culvert */
export async function openServerSnapshot(databaseUrl: string): Promise<ServerSnapshot> {
  const client = await connect(databaseUrl);
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    // The transaction is idle while the tool reads.
    await client.query('SET idle_in_transaction_session_timeout = 0');
    const migrations = await readAppliedNames(client);
    if (migrations.length === 0) throw new BackupError('DATABASE_URL: the database has no tables of Culvert');
    const { rows } = await client.query<{ id: string }>('SELECT pg_export_snapshot() AS id');
    return {
      id: rows[0].id,
      postgres: await majorVersionOf(client),
      migrations,
      close: () => client.end(),
    };
  } catch (error) {
    await client.end();
    throw error;
  }
}

/** Returns the major version of the server. */
export async function serverVersion(databaseUrl: string): Promise<number> {
  const client = await connect(databaseUrl);
  try {
    return await majorVersionOf(client);
  } finally {
    await client.end();
  }
}

/**
 * Replaces the tables of Culvert with what `load` creates, after migrating it. If anything fails, the tables from before come back.
 * @param load fills the schema `public`, which is empty
 * @returns the names of the applied migrations
 * @throws BackupError if the database has data and `force` is not set, has tables of other programs, or is in use
 */
export async function replaceServerData(
  databaseUrl: string,
  load: () => Promise<void>,
  { force }: ReplaceOptions,
): Promise<string[]> {
  const client = await connect(databaseUrl);
  try {
    await refuseWhileInUse(client);
    const hasTables = await checkTables(client, force);
    const aside = `${REPLACED}${Date.now()}`;
    if (hasTables) await moveAside(client, aside);
    try {
      await load();
      const applied = await migrateServer(databaseUrl);
      if (hasTables) await client.query(`DROP SCHEMA ${aside} CASCADE`);
      return applied;
    } catch (error) {
      await client.query('BEGIN; DROP SCHEMA public CASCADE; COMMIT');
      await client.query(hasTables ? `ALTER SCHEMA ${aside} RENAME TO public` : 'CREATE SCHEMA public');
      throw error;
    }
  } finally {
    await client.end();
  }
}

async function connect(databaseUrl: string): Promise<Client> {
  const client = new Client({
    connectionString: databaseUrl,
    application_name: 'culvert-admin',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  // Reported by the query that follows.
  client.on('error', () => {});
  await client.connect();
  return client;
}

async function majorVersionOf(client: Client): Promise<number> {
  const { rows } = await client.query<{ version: string }>(
    "SELECT current_setting('server_version_num') AS version",
  );
  return Math.trunc(Number(rows[0].version) / 10_000);
}

async function refuseWhileInUse(client: Client): Promise<void> {
  const { rows } = await client.query<{ count: string }>(
    `SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'culvert'`,
  );
  const count = Number(rows[0].count);
  if (count > 0)
    throw new BackupError(`Culvert is running on this database (${count} connections): stop it first`);
}

/** Returns whether there are tables, which are all Culvert's. */
async function checkTables(client: Client, force: boolean): Promise<boolean> {
  const { rows: schemas } = await client.query<{ name: string }>(
    `SELECT nspname AS name FROM pg_namespace WHERE starts_with(nspname, $1)`,
    [REPLACED],
  );
  if (schemas.length > 0) {
    const { name } = schemas[0];
    throw new BackupError(
      `the schema ${name} holds the data from before a restore that was interrupted. To bring it back: ` +
        `DROP SCHEMA public CASCADE; ALTER SCHEMA ${name} RENAME TO public. To remove it: DROP SCHEMA ${name} CASCADE`,
    );
  }
  const { rows: tables } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')`,
  );
  if (tables.length === 0) return false;
  if ((await readAppliedNames(client)).length === 0)
    throw new BackupError(
      `the database has tables of another program (${tables[0].name}): name a database of Culvert's own`,
    );
  const { rows } = await client.query<{ has_data: boolean }>(
    'SELECT EXISTS (SELECT 1 FROM team) OR EXISTS (SELECT 1 FROM "user") AS has_data',
  );
  if (rows[0].has_data && !force)
    throw new BackupError('the database of DATABASE_URL has data: --force replaces it');
  return true;
}

async function moveAside(client: Client, aside: string): Promise<void> {
  await client.query(`BEGIN; ALTER SCHEMA public RENAME TO ${aside}; CREATE SCHEMA public; COMMIT`);
}

async function migrateServer(databaseUrl: string): Promise<string[]> {
  const database = connectServer(databaseUrl);
  try {
    return await migrate(database);
  } finally {
    await database.close();
  }
}
