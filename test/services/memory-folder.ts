import { readFileSync, statfsSync } from 'node:fs';
import { freemem } from 'node:os';

const FOLDER = '/dev/shm';
/** A whole run needs less than one GiB; the rest is for the programs that it starts. */
const MIN_FREE_BYTES = 4 * 1024 ** 3;

/**
 * Returns a folder for temporary files in memory, or null if this machine has none with enough room. A database consists of
 * hundreds of files: creating one takes a quarter of the CPU time there.
 */
export function findMemoryFolder(minFreeBytes = MIN_FREE_BYTES): string | null {
  try {
    const { bavail, bsize } = statfsSync(FOLDER);
    const isLarge = Math.min(bavail * bsize, freemem()) >= minFreeBytes;
    return isLarge && runsPrograms(FOLDER, readFileSync('/proc/mounts', 'utf8')) ? FOLDER : null;
  } catch {
    return null;
  }
}

/**
 * Reports whether a folder is a file system in memory from which programs can be started, as some tests do.
 * @param mounts content of `/proc/mounts`
 */
export function runsPrograms(folder: string, mounts: string): boolean {
  // The last one covers the others.
  const mount = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .findLast(([, path]) => path === folder);
  const [, , type, options = ''] = mount ?? [];
  return type === 'tmpfs' && !options.split(',').includes('noexec');
}
