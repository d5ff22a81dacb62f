import { findBinary, installBinary, type Binary } from './binary.js';
import { hasDocker, startContainer } from './docker.js';
import {
  freePort,
  ServerProcess,
  TemporaryFolder,
  type PreparedServer,
  type ServerOptions,
  type Service,
} from './server.js';

const REDIS: Binary = { names: ['redis-server', 'valkey-server'], debianPackage: 'redis-server' };

/** Starts a Redis server without data. */
export async function startRedis(): Promise<Service> {
  const given = process.env['TEST_REDIS_URL'];
  return given ? { url: given, stop: async () => {} } : startOwnRedis();
}

/** As `startRedis`, but never the one that `TEST_REDIS_URL` names: for callers that empty it. */
export async function startOwnRedis(): Promise<Service> {
  const local = findBinary(REDIS);
  if (local !== null) return startLocal(local);
  if (hasDocker()) return startInDocker();
  try {
    return await startLocal(await installBinary(REDIS));
  } catch (error) {
    throw new Error('tests need Redis: set TEST_REDIS_URL, install Redis, or start Docker', { cause: error });
  }
}

async function startLocal(command: string): Promise<Service> {
  const { url, options } = await prepareLocal(command);
  const server = await ServerProcess.start(options);
  return { url, stop: () => server.stop() };
}

/** Prepares a server of its own, for callers that stop it; null if this machine has no Redis. */
export async function prepareOwnRedis(): Promise<PreparedServer | null> {
  const command = findBinary(REDIS);
  return command === null ? null : prepareLocal(command);
}

async function prepareLocal(command: string): Promise<PreparedServer> {
  const port = await freePort();
  const folder = new TemporaryFolder('redis');
  const options: ServerOptions = {
    command,
    args: [
      '--bind',
      '127.0.0.1',
      '--port',
      String(port),
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      folder.path,
    ],
    folder,
    ready: 'Ready to accept connections',
    stopSignal: 'SIGTERM',
  };
  return { url: `redis://127.0.0.1:${port}`, options };
}

function startInDocker(): Promise<Service> {
  return startContainer({
    image: 'redis:7-alpine',
    port: 6379,
    healthCommand: 'redis-cli ping',
    urlOf: (host) => `redis://${host}`,
  });
}
