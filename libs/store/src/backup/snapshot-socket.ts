/**
 * The way to a copy of an embedded database that another process has open: a Unix socket beside it. A client connects, receives
 * one line of JSON, and uses the copy while its connection is open. The socket is open to the user of the process alone.
 */
import { chmod, rm } from 'node:fs/promises';
import net from 'node:net';
import { relative } from 'node:path';
import { createInterface } from 'node:readline';
import { BackupError } from './backup-error.js';

/** A copy of a database's data directory. */
export interface Snapshot {
  /** Absolute path. */
  readonly folder: string;
  /** Names of the applied migrations, in order. */
  readonly migrations: readonly string[];
  /** Major version of Postgres. */
  readonly postgres: number;
}

type Answer = { readonly snapshot: Snapshot } | { readonly error: string };

/** Maximum length of a socket's path in bytes: 104 on macOS, 108 on Linux, with a final NUL. */
const MAX_PATH_BYTES = 103;

/**
 * Serves copies at `path`, one at a time, until the returned function is called. Serves none, and returns null, if there can be no
 * socket: on Windows, on some network file systems, and where the path is too long.
 * @param take makes a copy
 */
export async function serveSnapshots(
  path: string,
  take: () => Promise<Snapshot>,
): Promise<(() => Promise<void>) | null> {
  const address = addressOf(path);
  if (address === null) return null;
  let isBusy = false;
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    socket.on('error', () => socket.destroy());
    if (isBusy) {
      socket.end(lineOf({ error: 'another backup is running' }));
      return;
    }
    isBusy = true;
    open.add(socket);
    void serveOne(socket, take).finally(() => {
      isBusy = false;
      open.delete(socket);
    });
  });
  // The holder of the data directory's lock is the only one that listens here: a socket that exists was left by a dead process.
  await rm(path, { force: true });
  const isListening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false)).listen(address, () => resolve(true));
  });
  if (!isListening) return null;
  await chmod(path, 0o600);
  server.unref();
  return async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of open) socket.destroy();
    await closed;
  };
}

async function serveOne(socket: net.Socket, take: () => Promise<Snapshot>): Promise<void> {
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.resume();
  let snapshot: Snapshot;
  try {
    snapshot = await take();
  } catch (error) {
    socket.end(lineOf({ error: (error as Error).message }));
    return;
  }
  try {
    socket.write(lineOf({ snapshot }));
    await closed;
  } finally {
    await rm(snapshot.folder, { recursive: true, force: true });
  }
}

/**
 * Asks the process that serves `path` for a copy.
 * @returns the copy, and a function that releases it; null if no process serves there
 * @throws BackupError with what the process reports
 */
export async function requestSnapshot(
  path: string,
): Promise<{ readonly snapshot: Snapshot; readonly release: () => void } | null> {
  const address = addressOf(path);
  if (address === null) return null;
  const socket = net.connect(address);
  const isConnected = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  });
  if (!isConnected) return null;
  socket.on('error', () => socket.destroy());
  for await (const line of createInterface({ input: socket })) {
    const answer = JSON.parse(line) as Answer;
    if ('snapshot' in answer) return { snapshot: answer.snapshot, release: () => socket.destroy() };
    socket.destroy();
    throw new BackupError(answer.error);
  }
  throw new BackupError('the server closed the connection before the copy was made');
}

function lineOf(answer: Answer): string {
  return `${JSON.stringify(answer)}\n`;
}

/** Returns the shorter spelling of `path`; null if the system cannot listen there. */
function addressOf(path: string): string | null {
  if (process.platform === 'win32') return null;
  const fromHere = relative(process.cwd(), path);
  const address = fromHere.length < path.length ? fromHere : path;
  return Buffer.byteLength(address) <= MAX_PATH_BYTES ? address : null;
}
