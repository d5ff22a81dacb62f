import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pool } from 'pg';
import type { Database } from '../database/database.js';
import { findPrismaFolder, readMigrations, type Migration } from './migrations-folder.js';

/** The database cannot be migrated to the schema of this program. */
export class MigrationError extends Error {
  readonly code = 'MIGRATION_FAILED';
}

/** A row of Prisma's own table. */
interface AppliedMigration {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished_at: Date | null;
  readonly logs: string | null;
}

const UNDEFINED_TABLE = '42P01';

/**
 * Applies the missing migrations to `database`, in order. Of several concurrent processes one applies them and the others
 * wait. A database that is newer than this program is left unchanged, so that the program can be rolled back.
 * @returns the names of the applied ones
 * @throws MigrationError if one fails, failed before, or was edited after it was applied
 */
export async function migrate(database: Database, prismaFolder = findPrismaFolder()): Promise<string[]> {
  const migrations = await readMigrations(prismaFolder);
  if (await hasAll(database.backgroundPool, migrations)) return [];
  return database.exclusively(async (pool) => {
    const pending = await findPending(pool, migrations);
    if (pending.length > 0) await apply(pool, prismaFolder, migrations);
    return pending.map(({ name }) => name);
  });
}

/**
 * Reports whether nothing is left to do. Problems are left to the holder of the lock: another process may be migrating now.
 */
async function hasAll(pool: Pool, migrations: readonly Migration[]): Promise<boolean> {
  const applied = new Map((await readApplied(pool)).map((row) => [row.migration_name, row]));
  return migrations.every(({ name, checksum }) => {
    const row = applied.get(name);
    return row !== undefined && row.finished_at !== null && row.checksum === checksum;
  });
}

async function findPending(pool: Pool, migrations: readonly Migration[]): Promise<Migration[]> {
  const applied = new Map((await readApplied(pool)).map((row) => [row.migration_name, row]));
  return migrations.filter(({ name, checksum }) => {
    const row = applied.get(name);
    if (!row) return true;
    if (row.finished_at === null) {
      throw new MigrationError(
        `migration ${name} failed before: ${row.logs ?? 'it did not finish'}. Its changes were rolled back; ` +
          `correct it, then delete its row from _prisma_migrations.`,
      );
    }
    if (row.checksum !== checksum) {
      throw new MigrationError(
        `migration ${name} was edited after it was applied; restore it and write a new one`,
      );
    }
    return false;
  });
}

/** Returns the names of the migrations that were applied completely, in order; none without Prisma's own table. */
export async function readAppliedNames(connection: Pick<Pool, 'query'>): Promise<string[]> {
  const { rows: tables } = await connection.query<{ found: boolean }>(
    "SELECT to_regclass('public._prisma_migrations') IS NOT NULL AS found",
  );
  if (!tables[0]?.found) return [];
  const { rows } = await connection.query<{ name: string }>(
    'SELECT migration_name AS name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL ORDER BY 1',
  );
  return rows.map(({ name }) => name);
}

/** Returns the names of the migrations that this program has, in order. */
export async function knownMigrations(prismaFolder = findPrismaFolder()): Promise<string[]> {
  return (await readMigrations(prismaFolder)).map(({ name }) => name);
}

async function readApplied(pool: Pool): Promise<AppliedMigration[]> {
  try {
    const { rows } = await pool.query<AppliedMigration>(
      `SELECT migration_name, checksum, finished_at, logs FROM _prisma_migrations
       WHERE rolled_back_at IS NULL ORDER BY started_at`,
    );
    return rows;
  } catch (error) {
    if ((error as { code?: unknown }).code === UNDEFINED_TABLE) return [];
    throw error;
  }
}

async function apply(pool: Pool, prismaFolder: string, migrations: readonly Migration[]): Promise<void> {
  // The engine takes some time to load, and most starts have nothing to apply.
  const { NO_FILTERS, openSchemaEngine, toMigrationList } = await import('./schema-engine.js');
  const schema = await readFile(join(prismaFolder, 'schema.prisma'), 'utf8');
  const engine = await openSchemaEngine({ schema, pool });
  try {
    await engine.applyMigrations({
      migrationsList: toMigrationList(prismaFolder, migrations),
      filters: NO_FILTERS,
    });
  } catch (error) {
    throw new MigrationError((error as Error).message, { cause: error });
  } finally {
    engine.free();
  }
}
