import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { findBinary } from '../services/binary.js';
import { freePort, ServerProcess, TemporaryFolder } from '../services/server.js';

const COMMAND = findBinary({ names: ['redis-server', 'valkey-server'], debianPackage: 'redis-server' });

/** Whether this machine can start Redis servers of its own: the one that the tests share is not enough here. */
export const CAN_START_REDIS = COMMAND !== null;

/** A Redis server, or a Sentinel, with its own port and folder. */
export interface RedisServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts a server with these lines of configuration. */
export async function startRedisServer(lines: readonly string[], mode?: 'sentinel'): Promise<RedisServer> {
  const port = await freePort();
  const folder = new TemporaryFolder('redis');
  const file = join(folder.path, 'redis.conf');
  const own = ['bind 127.0.0.1', `port ${port}`, `dir ${folder.path}`];
  const stored = mode === undefined ? ['save ""', 'appendonly no'] : [];
  writeFileSync(file, [...own, ...stored, ...lines].join('\n') + '\n');
  const server = await ServerProcess.start({
    command: COMMAND!,
    args: mode === undefined ? [file] : [file, '--sentinel'],
    folder,
    ready: mode === undefined ? 'Ready to accept connections' : 'Sentinel ID',
    stopSignal: 'SIGKILL',
  });
  return { port, stop: () => server.stop() };
}

/** Runs `work` with a connection to the server at `port`. */
export async function withRedis<T>(port: number, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis({ host: '127.0.0.1', port, lazyConnect: true });
  await redis.connect();
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

/** A master with a replica, and a Sentinel that watches them under the name `main`. */
export async function startWithSentinel(password: string): Promise<{
  readonly sentinel: RedisServer;
  readonly master: RedisServer;
  stop(): Promise<void>;
}> {
  const credentials = [`requirepass ${password}`, `masterauth ${password}`];
  const master = await startRedisServer(credentials);
  const replica = await startRedisServer([...credentials, `replicaof 127.0.0.1 ${master.port}`]);
  const sentinel = await startRedisServer(
    [
      `sentinel monitor main 127.0.0.1 ${master.port} 1`,
      `sentinel auth-pass main ${password}`,
      'sentinel down-after-milliseconds main 500',
      'sentinel failover-timeout main 2000',
    ],
    'sentinel',
  );
  const servers = [sentinel, replica, master];
  return {
    sentinel,
    master,
    stop: async () => void (await Promise.all(servers.map((server) => server.stop()))),
  };
}

const SLOTS = 16_384;

/** Three nodes of a cluster, each with a third of the slots. */
export async function startCluster(): Promise<{
  readonly nodes: readonly RedisServer[];
  stop(): Promise<void>;
}> {
  const lines = ['cluster-enabled yes', 'cluster-node-timeout 1000', 'cluster-require-full-coverage no'];
  const nodes = await Promise.all([1, 2, 3].map(() => startRedisServer(lines)));
  const [first, ...others] = nodes;
  await Promise.all(
    nodes.map(({ port }, index) =>
      withRedis(port, async (redis) => {
        const from = Math.ceil((SLOTS * index) / nodes.length);
        const to = Math.ceil((SLOTS * (index + 1)) / nodes.length) - 1;
        await redis.cluster('ADDSLOTSRANGE', from, to);
        await redis.cluster('SET-CONFIG-EPOCH', index + 1);
      }),
    ),
  );
  await withRedis(first.port, async (redis) => {
    for (const { port } of others) await redis.cluster('MEET', '127.0.0.1', port);
  });
  await Promise.all(nodes.map(({ port }) => withRedis(port, untilWhole)));
  return { nodes, stop: async () => void (await Promise.all(nodes.map((node) => node.stop()))) };
}

/** Nodes of a cluster learn of each other by gossip, which reports nothing. */
async function untilWhole(redis: Redis): Promise<void> {
  for (;;) {
    const info = await redis.cluster('INFO');
    if (/cluster_state:ok/.test(info) && /cluster_known_nodes:3/.test(info)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
