import { link, mkdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { randomUUID } from 'node:crypto';

/** Another process uses the data directory. */
export class DataDirInUseError extends Error {
  readonly code = 'DATA_DIR_IN_USE';
  constructor(
    readonly lockFile: string,
    readonly pid: number,
  ) {
    super(`${dirname(lockFile)} is in use by process ${pid}, which holds ${lockFile}`);
  }
}

interface Holder {
  readonly pid: number;
  /** Time when that process began, so that a later process with the same number is not mistaken for it; null if unknown. */
  readonly startedAt: string | null;
}

const heldHere = new Set<string>();

/**
 * Takes a lock file that names this process. A lock left by a dead process is taken over. It protects processes of one
 * machine that see each other's process ids.
 * @returns a function that releases the lock
 * @throws DataDirInUseError while its holder lives
 */
export async function lockDataDir(lockFile: string): Promise<() => Promise<void>> {
  if (heldHere.has(lockFile)) throw new DataDirInUseError(lockFile, process.pid);
  heldHere.add(lockFile);
  try {
    await acquireLock(lockFile);
  } catch (error) {
    heldHere.delete(lockFile);
    throw error;
  }
  return async () => {
    await rm(lockFile, { force: true });
    heldHere.delete(lockFile);
  };
}

async function acquireLock(lockFile: string): Promise<void> {
  await mkdir(dirname(lockFile), { recursive: true, mode: 0o700 });
  const own = `${lockFile}.${randomUUID()}`;
  await writeFile(
    own,
    JSON.stringify({ pid: process.pid, startedAt: startOf(process.pid) } satisfies Holder),
  );
  try {
    // A link appears complete and only if there is none: no process reads half a lock, and only one of two takers wins.
    while (!(await tryLink(own, lockFile))) {
      const holder = await readHolder(lockFile);
      if (holder !== null && isAlive(holder)) throw new DataDirInUseError(lockFile, holder.pid);
      await removeStale(lockFile);
    }
  } finally {
    await unlink(own);
  }
}

/** Moves the lock away before checking again, so that it cannot remove one that was taken in the meantime. */
async function removeStale(lockFile: string): Promise<void> {
  const aside = `${lockFile}.${randomUUID()}`;
  try {
    await rename(lockFile, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const holder = await readHolder(aside);
  if (holder !== null && isAlive(holder)) await tryLink(aside, lockFile);
  await unlink(aside);
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Null if the file is gone again or is not a lock. */
async function readHolder(lockFile: string): Promise<Holder | null> {
  try {
    const { pid, startedAt } = JSON.parse(await readFile(lockFile, 'utf8')) as Partial<Holder>;
    return typeof pid === 'number' && Number.isSafeInteger(pid) && pid > 0
      ? { pid, startedAt: startedAt ?? null }
      : null;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function isAlive({ pid, startedAt }: Holder): boolean {
  // This process does not hold it: a lock with our process id is from before a restart of the container.
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: the process lives, and belongs to another user.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return startedAt === null || startedAt === startOf(pid);
}

/** Returns the start time of a process in clock ticks since boot (proc(5), `stat` field 22); null without /proc. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Field 2 is the program's name in parentheses and may contain anything: count from behind it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}
