/** Copies and replacements of an embedded database. */
import { existsSync } from 'node:fs';
import { constants, cp, mkdtemp, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Pool } from 'pg';
import { DataDirInUseError, lockDataDir } from '../database/data-dir-lock.js';
import type { Database } from '../database/database.js';
import { migrate, readAppliedNames } from '../migrate/migrate.js';
import { BackupError } from './backup-error.js';
import { requestSnapshot, type Snapshot } from './snapshot-socket.js';

const COPY_PREFIX = 'snapshot-';
/** Share of the copy's size that must stay free: the running process needs room for its own writes. */
const FREE_SHARE = 1.1;

/** Removes copies that a killed process left behind. Call it while holding the lock. */
export async function removeSnapshots(dataDir: string): Promise<void> {
  const names = await readdir(dataDir);
  const left = names.filter((name) => name.startsWith(COPY_PREFIX));
  await Promise.all(left.map((name) => rm(join(dataDir, name), { recursive: true, force: true })));
}

/**
 * Copies the data directory of an open database to a folder beside it. All other queries wait until that is done.
 * @param pool the pool whose only connection is the database's only session
 * @throws BackupError if the disk has too little room
 */
export async function takeSnapshot(pool: Pool, dataDir: string): Promise<Snapshot> {
  const directory = join(dataDir, 'postgres');
  const client = await pool.connect();
  const folder = await mkdtemp(join(dataDir, COPY_PREFIX));
  try {
    // Without a checkpoint the copy would be complete too, but each start from it would have to recover.
    await client.query('CHECKPOINT');
    const migrations = await readAppliedNames(client);
    await checkRoom(directory);
    // Shares blocks with the original where the file system can.
    await cp(directory, join(folder, 'postgres'), { recursive: true, mode: constants.COPYFILE_FICLONE });
    return { folder, migrations, postgres: await majorVersionOf(directory) };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  } finally {
    client.release();
  }
}

/**
 * Returns a copy of the embedded database in `dataDir`, from the process that has it open or, if there is none, by opening it.
 * `release` removes the copy.
 * @throws BackupError if there is no database, or its process makes no copies
 */
export async function snapshotEmbedded(
  dataDir: string,
): Promise<{ readonly snapshot: Snapshot; readonly release: () => Promise<void> }> {
  const directory = resolve(dataDir, 'postgres');
  if (!existsSync(directory)) throw new BackupError(`DATA_DIR: ${dataDir} contains no database`);
  const { openEmbedded } = await import('../database/embedded-postgres.js');
  let database: Database;
  try {
    database = await openEmbedded(dataDir);
  } catch (error) {
    if (!(error instanceof DataDirInUseError)) throw error;
    return borrowSnapshot(directory, error);
  }
  // Open until the copy is released: the next process to open it removes all copies.
  try {
    const snapshot = await takeSnapshot(database.pool, resolve(dataDir));
    return {
      snapshot,
      release: async () => {
        await rm(snapshot.folder, { recursive: true, force: true });
        await database.close();
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function borrowSnapshot(directory: string, inUse: DataDirInUseError) {
  const lent = await requestSnapshot(`${directory}.sock`);
  if (lent !== null) return { snapshot: lent.snapshot, release: async () => lent.release() };
  throw new BackupError(`${inUse.message} and makes no copies of it: stop it for the backup`, {
    cause: inUse,
  });
}

export interface ReplaceOptions {
  /** Whether to replace a database that has data. */
  readonly force: boolean;
}

/**
 * Replaces the embedded database in `dataDir` with what `unpack` writes, after migrating it. If anything fails, the database from
 * before stays as it is.
 * @param unpack writes a data directory to a folder that does not exist yet
 * @returns the names of the applied migrations
 * @throws BackupError if there is a database and `force` is not set
 * @throws DataDirInUseError while a process uses it
 */
export async function replaceEmbedded(
  dataDir: string,
  unpack: (folder: string) => Promise<void>,
  { force }: ReplaceOptions,
): Promise<string[]> {
  const directory = resolve(dataDir, 'postgres');
  const replaced = `${directory}.replaced`;
  const unlock = await lockDataDir(`${directory}.lock`);
  try {
    if (existsSync(replaced))
      throw new BackupError(
        `${replaced} is the database from before a restore that was interrupted: rename it to ${directory}, or remove it`,
      );
    if (existsSync(directory) && !force)
      throw new BackupError(`DATA_DIR: ${dataDir} contains a database: --force replaces it`);
    const fresh = await mkdtemp(join(resolve(dataDir), 'restore-'));
    try {
      await unpack(join(fresh, 'postgres'));
      const applied = await migrateIn(fresh);
      if (existsSync(directory)) await rename(directory, replaced);
      await rename(join(fresh, 'postgres'), directory);
      await rm(replaced, { recursive: true, force: true });
      return applied;
    } finally {
      await rm(fresh, { recursive: true, force: true });
    }
  } finally {
    await unlock();
  }
}

async function migrateIn(dataDir: string): Promise<string[]> {
  const { openEmbedded } = await import('../database/embedded-postgres.js');
  const database = await openEmbedded(dataDir);
  try {
    return await migrate(database);
  } finally {
    await database.close();
  }
}

async function checkRoom(directory: string): Promise<void> {
  const size = await sizeOf(directory);
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < size * FREE_SHARE)
    throw new BackupError(`the disk has no room for a copy of ${directory}, which needs ${size} bytes`);
}

async function majorVersionOf(directory: string): Promise<number> {
  return Number.parseInt(await readFile(join(directory, 'PG_VERSION'), 'utf8'), 10);
}

async function sizeOf(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(
    entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => stat(join(parentPath, name))),
  );
  return sizes.reduce((sum, { size }) => sum + size, 0);
}
