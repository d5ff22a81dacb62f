import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { Pool } from 'pg';
import { removeSnapshots, takeSnapshot } from '../backup/embedded-backup.js';
import { serveSnapshots } from '../backup/snapshot-socket.js';
import { lockDataDir } from './data-dir-lock.js';
import type { Database } from './database.js';
import { PGliteStream } from './pglite-stream.js';

type ReadCluster = () => Promise<Blob | null>;
const none: ReadCluster = async () => null;

/**
 * Opens Postgres inside this process, in `<dataDir>/postgres`, which only one process at a time may use. Written data
 * survives the end of the process, however it ends, but not a power failure: PGlite does not wait for the disk. While it is
 * open, `snapshotEmbedded` of another process gets copies of it.
 * @param dataDir a directory, created if missing, or `memory` for a database that ends with the process
 * @param readCluster initial content of a new database: a tar file of `dumpEmbedded`, or null for an empty one
 * @throws DataDirInUseError
 */
export async function openEmbedded(dataDir: string, readCluster: ReadCluster = none): Promise<Database> {
  if (dataDir === 'memory') return embed(await createCluster(readCluster), async () => {});
  const directory = resolve(dataDir, 'postgres');
  const unlock = await lockDataDir(`${directory}.lock`);
  try {
    await removeSnapshots(dirname(directory));
    const database = embed(await openDirectory(directory, readCluster), unlock);
    const stopServing = await serveSnapshots(`${directory}.sock`, () =>
      takeSnapshot(database.pool, dirname(directory)),
    );
    return {
      ...database,
      close: async () => {
        await stopServing?.();
        await database.close();
      },
    };
  } catch (error) {
    await unlock();
    throw error;
  }
}

/** Returns a tar file of the data directory of a new Postgres in memory, after `prepare`. */
export async function dumpEmbedded(prepare: (database: Database) => Promise<void>): Promise<Blob> {
  const db = await PGlite.create();
  const database = embed(db, async () => {});
  try {
    await prepare(database);
    // Leaves no recovery work, which each copy would have to repeat.
    await db.exec('CHECKPOINT');
    return await db.dumpDataDir('none');
  } finally {
    await database.close();
  }
}

async function openDirectory(directory: string, readCluster: ReadCluster): Promise<PGlite> {
  if (!existsSync(directory)) {
    // Created elsewhere and moved, so that an interrupted first start leaves nothing half-made behind.
    const fresh = `${directory}.new`;
    await rm(fresh, { recursive: true, force: true });
    await (await createCluster(readCluster, fresh)).close();
    await rename(fresh, directory);
  }
  return PGlite.create(directory);
}

/** @param directory absent: in memory */
async function createCluster(readCluster: ReadCluster, directory?: string): Promise<PGlite> {
  const cluster = await readCluster();
  return PGlite.create({
    ...(directory !== undefined && { dataDir: directory }),
    ...(cluster !== null && { loadDataDir: cluster }),
  });
}

function embed(db: PGlite, afterClose: () => Promise<void>): Database {
  const pool = new Pool({
    // PGlite has one session. The pool makes other callers wait, without a time limit: this process is the server.
    max: 1,
    idleTimeoutMillis: 0,
    stream: () => new PGliteStream(db),
    // Otherwise these would come from PG* variables of the environment.
    host: 'localhost',
    user: 'postgres',
    database: 'postgres',
    password: '',
    ssl: false,
  });
  pool.on('error', () => {});
  return {
    pool,
    backgroundPool: pool,
    exclusively: (work) => work(pool),
    async close() {
      await pool.end();
      await db.close();
      await afterClose();
    },
  };
}
