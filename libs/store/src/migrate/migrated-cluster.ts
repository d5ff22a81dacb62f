/**
 * An embedded Postgres for first starts: initialized, and with the current schema. It is the same everywhere and takes
 * seconds to create, so the build creates it once, and first starts unpack it.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { migrate } from './migrate.js';
import { findPrismaFolder, readMigrations } from './migrations-folder.js';

/** Bytes per piece: with zlib's default size, unpacking takes three times as long. */
const UNPACKED_BYTES = 64 * 1024 * 1024;

/** Returns a tar file of its data directory; null if the build created none for these migrations and this PGlite. */
export async function readMigratedCluster(prismaFolder = findPrismaFolder()): Promise<Blob | null> {
  const path = await migratedClusterPath(prismaFolder);
  if (!existsSync(path)) return null;
  return new Blob([gunzipSync(await readFile(path), { chunkSize: UNPACKED_BYTES })]);
}

/** Creates the cluster unless it exists. Part of the build. */
export async function writeMigratedCluster(prismaFolder = findPrismaFolder()): Promise<void> {
  const path = await migratedClusterPath(prismaFolder);
  if (existsSync(path)) return;
  // Loaded only if used, as in `openDatabase`.
  const { dumpEmbedded } = await import('../database/embedded-postgres.js');
  const tar = await dumpEmbedded(async (database) => void (await migrate(database, prismaFolder)));
  const folder = dirname(path);
  // Files for other migrations or another PGlite are never read again.
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  // Moved into place: another process may be reading right now.
  const unfinished = `${path}.${process.pid}`;
  await writeFile(unfinished, gzipSync(await tar.arrayBuffer()));
  await rename(unfinished, path);
}

async function migratedClusterPath(prismaFolder: string): Promise<string> {
  const hash = createHash('sha256').update(await pgliteVersion());
  for (const { name, checksum } of await readMigrations(prismaFolder)) hash.update(`\n${name} ${checksum}`);
  const file = `${hash.digest('hex').slice(0, 16)}.tar.gz`;
  return join(dirname(prismaFolder), 'dist', 'embedded-postgres', file);
}

async function pgliteVersion(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve('@electric-sql/pglite');
  const manifest = await readFile(join(dirname(entry), '..', 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
