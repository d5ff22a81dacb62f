import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openDatabase } from '../database/open-database.js';
import { readMigrations } from './migrations-folder.js';
import { NO_FILTERS, openSchemaEngine, toMigrationList } from './schema-engine.js';

const NAME = /^[a-z][a-z0-9_]{0,59}$/;
const LOCK_FILE =
  '# Written by db:migration. Names the kind of database that the migrations are for.\nprovider = "postgresql"\n';

/** Returns the SQL from the migrations to the schema, or null if they agree. */
export async function diffMigrations(prismaFolder: string): Promise<string | null> {
  const path = join(prismaFolder, 'schema.prisma');
  const content = await readFile(path, 'utf8');
  const migrations = await readMigrations(prismaFolder);
  const scratch = await openDatabase({ dataDir: 'memory' });
  try {
    const engine = await openSchemaEngine({ schema: content, pool: scratch.pool, scratch: scratch.pool });
    const { stdout, exitCode } = await engine.diff({
      from: { tag: 'migrations', ...toMigrationList(prismaFolder, migrations) },
      to: { tag: 'schemaDatamodel', files: [{ path, content }] },
      script: true,
      exitCode: true,
      filters: NO_FILTERS,
    });
    engine.free();
    return exitCode === 0 ? null : stdout;
  } finally {
    await scratch.close();
  }
}

/**
 * Writes the next migration.
 * @param name lower-case letters, digits and underscores
 * @returns its folder, or null if nothing changed
 */
export async function writeMigration(prismaFolder: string, name: string, now: Date): Promise<string | null> {
  if (!NAME.test(name)) {
    throw new Error(
      'a migration is named in lower-case letters, digits and underscores, such as add_invitations',
    );
  }
  const sql = await diffMigrations(prismaFolder);
  if (sql === null) return null;
  const timestamp = now.toISOString().replace(/\D/g, '').slice(0, 14);
  const folder = join(prismaFolder, 'migrations', `${timestamp}_${name}`);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'migration.sql'), sql);
  await writeFile(join(prismaFolder, 'migrations', 'migration_lock.toml'), LOCK_FILE);
  return folder;
}
