import { dirname, join } from 'node:path';
import { findBinary, installBinary, postgresFolders, type Binary } from './binary.js';
import { hasDocker, startContainer } from './docker.js';
import {
  freePort,
  runToEnd,
  ServerProcess,
  TemporaryFolder,
  type Owner,
  type PreparedServer,
  type ServerOptions,
  type Service,
} from './server.js';

/** Starts a Postgres server on which tests may create databases. */
export async function startPostgres(): Promise<Service> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given) return { url: given, stop: async () => {} };
  const local = findBinary(postgresBinary());
  if (local !== null) return startLocal(local);
  if (hasDocker()) return startInDocker();
  try {
    await installBinary(postgresBinary());
  } catch (error) {
    throw new Error('tests need Postgres: set TEST_DATABASE_URL, install Postgres, or start Docker', {
      cause: error,
    });
  }
  return startLocal(findBinary(postgresBinary())!);
}

function postgresBinary(): Binary {
  return { names: ['initdb'], debianPackage: 'postgresql', folders: postgresFolders() };
}

async function startLocal(initdb: string): Promise<Service> {
  const { url, options } = await prepareLocal(initdb);
  const server = await ServerProcess.start(options);
  return { url, stop: () => server.stop() };
}

/**
 * Prepares a server of its own, for callers that stop it; null if this machine has no Postgres. What it has committed
 * survives SIGKILL.
 */
export async function prepareOwnPostgres(): Promise<PreparedServer | null> {
  const initdb = findBinary(postgresBinary());
  if (initdb === null) return null;
  const { url, options } = await prepareLocal(initdb);
  return { url, options: { ...options, args: [...options.args, '-c', 'synchronous_commit=on'] } };
}

async function prepareLocal(initdb: string): Promise<PreparedServer> {
  const owner = postgresUser();
  const folder = new TemporaryFolder('postgres', owner);
  const spawn = { ...owner, cwd: folder.path, env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' } };
  const data = join(folder.path, 'data');
  let port: number;
  try {
    runToEnd(initdb, ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'], spawn);
    port = await freePort();
  } catch (error) {
    folder.remove();
    throw error;
  }
  // Nothing here survives the run, so nothing must reach the disk.
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: 400,
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    // A server's settings for its users must not change what the store reads and writes.
    TimeZone: 'Asia/Kathmandu',
  };
  const options: ServerOptions = {
    command: join(dirname(initdb), 'postgres'),
    args: [
      '-D',
      data,
      '-p',
      String(port),
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    folder,
    ready: 'database system is ready to accept connections',
    // "Fast shutdown": does not wait for clients.
    stopSignal: 'SIGINT',
    spawn,
  };
  return { url: `postgresql://postgres@127.0.0.1:${port}/postgres`, options };
}

/** Postgres refuses to run as root: use its own user then, and null for other users. */
function postgresUser(): Owner | null {
  if (process.getuid?.() !== 0) return null;
  return { uid: Number(runToEnd('id', ['-u', 'postgres'])), gid: Number(runToEnd('id', ['-g', 'postgres'])) };
}

function startInDocker(): Promise<Service> {
  return startContainer({
    image: 'postgres:17-alpine',
    port: 5432,
    env: { POSTGRES_HOST_AUTH_METHOD: 'trust' },
    command: ['-c', 'max_connections=400', '-c', 'fsync=off'],
    // By TCP: while it initializes, the image's server answers on its socket only.
    healthCommand: 'pg_isready --host=127.0.0.1 --username=postgres',
    urlOf: (host) => `postgresql://postgres@${host}/postgres`,
  });
}
