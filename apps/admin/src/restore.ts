/** Restores backups, or only checks them. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import {
  BackupError,
  knownMigrations,
  replaceEmbedded,
  type ReplaceOptions,
  replaceServerData,
  serverVersion,
} from '@culvert/store';
import { unpackTar } from 'modern-tar/fs';
import { type Archive, type Manifest, openArchive } from './archive.js';
import type { BackupLocation } from './backup.js';
import { checkTool, restore } from './postgres-tools.js';

export interface Restored {
  readonly manifest: Manifest;
  /** Migrations that the backup did not have yet. */
  readonly applied: readonly string[];
}

/**
 * Replaces the database with a backup, and brings it to the schema of this program. If anything fails, the database from before
 * stays.
 * @throws BackupError if the archive is damaged, newer than this program, or of the other kind of database
 */
export async function restoreBackup(
  input: Readable,
  { databaseUrl, dataDir, toolsFolder: folder }: BackupLocation,
  options: ReplaceOptions,
): Promise<Restored> {
  const { manifest, dump } = await openArchive(input);
  await refuseNewer(manifest);
  refuseOtherKind(manifest, databaseUrl);
  const applied =
    databaseUrl === undefined
      ? await replaceEmbedded(dataDir, (target) => unpack(dump, target), options)
      : await restoreServer({ databaseUrl, folder }, { manifest, dump }, options);
  return { manifest, applied };
}

/** Reads a whole archive. @throws BackupError if it is damaged or incomplete */
export async function verifyBackup(input: Readable): Promise<Manifest> {
  const { manifest, dump } = await openArchive(input);
  for await (const piece of dump) void piece;
  return manifest;
}

async function restoreServer(
  { databaseUrl, folder }: { readonly databaseUrl: string; readonly folder: string | undefined },
  { manifest, dump }: Archive,
  options: ReplaceOptions,
): Promise<string[]> {
  await checkTool('pg_restore', { folder }, { version: manifest.postgres, of: 'the backup' });
  const version = await serverVersion(databaseUrl);
  if (version < manifest.postgres)
    throw new BackupError(
      `the backup is of PostgreSQL ${manifest.postgres}, and the server is PostgreSQL ${version}: restore it to version ${manifest.postgres} or later`,
    );
  return replaceServerData(databaseUrl, () => restore({ databaseUrl, folder }, dump), options);
}

async function unpack(dump: AsyncIterable<Buffer>, folder: string): Promise<void> {
  await pipeline(Readable.from(dump), createGunzip(), unpackTar(folder, { dmode: 0o700, fmode: 0o600 }));
}

async function refuseNewer({ culvert, migrations }: Manifest): Promise<void> {
  const known = new Set(await knownMigrations());
  const unknown = migrations.find((name) => !known.has(name));
  if (unknown !== undefined)
    throw new BackupError(
      `the backup was made by Culvert ${culvert}, whose schema this version does not know (${unknown}): ` +
        'restore it with that version or a later one',
    );
}

function refuseOtherKind({ database }: Manifest, databaseUrl: string | undefined): void {
  if (database === 'embedded' && databaseUrl !== undefined)
    throw new BackupError('the backup is of an embedded database: unset DATABASE_URL, and set DATA_DIR');
  if (database === 'server' && databaseUrl === undefined)
    throw new BackupError('the backup is of a Postgres server: set DATABASE_URL');
}
