/** A folder of backups: one file for each, named by its time, and only so many of them. */
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, link, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { BackupError } from '@culvert/store';

const DAY_MS = 86_400_000;
const UNFINISHED = /^\.culvert-.*\.unfinished$/;
const NAME = /^culvert-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.tar$/;

/** Returns the name of a backup's file: `culvert-20261201T093000Z.tar`. */
export function backupName(at: Date): string {
  return `culvert-${at.toISOString().replace(/\.\d+|[-:]/g, '')}.tar`;
}

/**
 * Writes a new file that only its owner can read. It appears under its name when it is complete and on disk.
 * @returns its length in bytes
 * @throws BackupError if the file exists
 */
export async function writeNewFile(path: string, bytes: AsyncIterable<Uint8Array>): Promise<number> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  // In a container all processes have the same id.
  const unfinished = join(dirname(path), `.${basename(path)}.${randomUUID()}.unfinished`);
  try {
    await pipeline(bytes, createWriteStream(unfinished, { flags: 'wx', mode: 0o600, flush: true }));
    // Unlike a rename, this replaces no file.
    await link(unfinished, path);
    await syncFolder(dirname(path));
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new BackupError(`${path} exists: name another file`, { cause: error });
    throw error;
  } finally {
    await rm(unfinished, { force: true });
  }
}

/** A new name is on disk only when its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Returns the times of the backups in a folder, newest first; none if it does not exist. */
export async function backupTimes(folder: string): Promise<Date[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names
    .filter((name) => NAME.test(name))
    .map((name) => new Date(name.replace(NAME, '$1-$2-$3T$4:$5:$6Z')))
    .toSorted((a, b) => b.getTime() - a.getTime());
}

/**
 * Removes the oldest backups of a folder, so that `keep` remain, and what killed processes left unfinished a day ago. Other files
 * stay. Returns the removed paths.
 */
export async function removeOldBackups(folder: string, keep: number): Promise<string[]> {
  const old = (await backupTimes(folder)).slice(keep).map((at) => join(folder, backupName(at)));
  for (const name of (await readdir(folder)).filter((each) => UNFINISHED.test(each))) {
    const path = join(folder, name);
    if ((await stat(path)).mtimeMs < Date.now() - DAY_MS) old.push(path);
  }
  for (const path of old) await rm(path);
  return old;
}
