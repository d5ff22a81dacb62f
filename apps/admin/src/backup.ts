/** Makes backups: of a Postgres server by its own tools, and of an embedded database while it is in use. */
import { createGzip } from 'node:zlib';
import { join } from 'node:path';
import { openServerSnapshot, snapshotEmbedded } from '@culvert/store';
import { packTar } from 'modern-tar/fs';
import { type Manifest, writeArchive } from './archive.js';
import { checkTool, dump } from './postgres-tools.js';
import { VERSION } from './version.js';

/** Where the data is, and where the tools are. */
export interface BackupLocation {
  /** Undefined: the embedded database in `dataDir`. */
  readonly databaseUrl: string | undefined;
  readonly dataDir: string;
  /** Folder of Postgres' tools; undefined: `PATH`. */
  readonly toolsFolder?: string | undefined;
}

export interface RunningBackup {
  readonly manifest: Omit<Manifest, 'format'>;
  /** Bytes of the archive. */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Must be called once, whether the bytes were read or not. */
  release(): Promise<void>;
}

/** Begins a backup: of the state that the database has now. @throws BackupError if it cannot be made */
export async function beginBackup(location: BackupLocation): Promise<RunningBackup> {
  return location.databaseUrl === undefined
    ? beginEmbedded(location.dataDir)
    : beginServer(location.databaseUrl, location.toolsFolder);
}

async function beginServer(databaseUrl: string, folder: string | undefined): Promise<RunningBackup> {
  const snapshot = await openServerSnapshot(databaseUrl);
  try {
    const { postgres, migrations } = snapshot;
    await checkTool('pg_dump', { folder }, { version: postgres, of: 'the server' });
    const manifest = about('server', postgres, migrations);
    const bytes = writeArchive(manifest, dump({ databaseUrl, folder }, snapshot.id));
    return { manifest, bytes, release: () => snapshot.close() };
  } catch (error) {
    await snapshot.close();
    throw error;
  }
}

async function beginEmbedded(dataDir: string): Promise<RunningBackup> {
  const { snapshot, release } = await snapshotEmbedded(dataDir);
  const { folder, postgres, migrations } = snapshot;
  const manifest = about('embedded', postgres, migrations);
  const files = packTar(join(folder, 'postgres'));
  const gzip = createGzip();
  files.on('error', (error) => gzip.destroy(error));
  return { manifest, bytes: writeArchive(manifest, files.pipe(gzip)), release };
}

function about(
  database: Manifest['database'],
  postgres: number,
  migrations: readonly string[],
): RunningBackup['manifest'] {
  const createdAt = new Date().toISOString();
  return { culvert: VERSION, createdAt, database, postgres, migrations: [...migrations] };
}
