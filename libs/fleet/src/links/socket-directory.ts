/** The Unix sockets at which edges of one machine accept links of each other, in a directory that only their user may open. */
import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Maximum number of left-over sockets that a start looks at. */
const MAX_LEFT_OVER = 256;

/** Longest path of a Unix socket on Linux and macOS, in bytes. */
const MAX_PATH_BYTES = 103;

/**
 * Makes the directory, and checks that only this user can have put something into it. Returns null where there are
 * no such sockets: on Windows, or if another user has taken the place.
 */
export function privateSocketDirectory(parent = tmpdir()): string | null {
  const userId = process.getuid?.();
  if (userId === undefined) return null;
  const directory = join(parent, `culvert-links-${userId}`);
  try {
    mkdirSync(directory, { mode: 0o700, recursive: true });
    return isPrivate(directory, userId) ? directory : null;
  } catch {
    return null;
  }
}

/** Returns the path of the socket of the edge `id`, or null if it would be too long. */
export function socketPathOf(directory: string, id: string): string | null {
  const path = join(directory, `${id}.sock`);
  return Buffer.byteLength(path) <= MAX_PATH_BYTES ? path : null;
}

/** Reports whether `path` names a socket in `directory` itself, so that no record of another edge leads elsewhere. */
export function isSocketIn(directory: string, path: string): boolean {
  if (dirname(path) !== directory || !/^[\w-]{1,64}\.sock$/.test(path.slice(directory.length + 1)))
    return false;
  try {
    return isPrivate(directory, process.getuid?.() ?? -1) && lstatSync(path).isSocket();
  } catch {
    return false;
  }
}

/** Removes sockets of edges that were killed: no process accepts connections at them. */
export async function removeLeftOverSockets(directory: string): Promise<void> {
  const names = readdirSync(directory).filter((name) => name.endsWith('.sock'));
  await Promise.all(
    names.slice(0, MAX_LEFT_OVER).map(async (name) => {
      const path = join(directory, name);
      if (await isRefused(path)) rmSync(path, { force: true });
    }),
  );
}

function isRefused(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}

function isPrivate(directory: string, userId: number): boolean {
  const stats = lstatSync(directory);
  return stats.isDirectory() && stats.uid === userId && (stats.mode & 0o077) === 0;
}
