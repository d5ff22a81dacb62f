import { readFileSync, statfsSync } from 'node:fs';
import { freemem } from 'node:os';

const FOLDER = '/dev/shm';
/** A whole run needs less than one GiB; the rest is for the programs that it starts. */
const MIN_FREE_BYTES = 4 * 1024 ** 3;

/**
 * Returns a folder for temporary files in memory, or null if this machine has none with enough room. A database consists of
 * hundreds of files: creating one takes a quarter of the CPU time there.
 */
export function findMemoryFolder(): string | null {
  try {
    const { bavail, bsize } = statfsSync(FOLDER);
    const isLarge = Math.min(bavail * bsize, freemem()) >= MIN_FREE_BYTES;
    return isLarge && isForPrograms(readFileSync('/proc/mounts', 'utf8')) ? FOLDER : null;
  } catch {
    return null;
  }
}

/** Reports whether it is a file system in memory from which programs can be started, as some tests do. */
function isForPrograms(mounts: string): boolean {
  return mounts.split('\n').some((line) => {
    const [, path, type, options = ''] = line.split(' ');
    return path === FOLDER && type === 'tmpfs' && !options.split(',').includes('noexec');
  });
}
