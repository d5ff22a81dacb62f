/** Connections to Redis: the only place where one is made. */
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { parseRedisAddress, type RedisAddress } from './redis-address.js';

/** Longest attempt to connect, and the longest that a command may take, in milliseconds. */
export const COMMAND_TIMEOUT_MS = 2_000;
/** How often a connection that only listens is pinged: without pings it would not notice that the far end is gone. */
export const PING_INTERVAL_MS = 5_000;
/** Silence after which such a connection is closed, in milliseconds. */
export const SILENCE_TIMEOUT_MS = 15_000;
const MAX_RECONNECT_DELAY_MS = 1_000;

/** A connection of one role. */
export type RedisConnection = Redis;

/** A client for commands about keys, whatever the mode of the address. */
export type RedisData = Redis | Cluster;

/** Receives the first error of each outage, and no repetitions. */
type OnError = (error: unknown) => void;

/**
 * Makes a connection for publish/subscribe, or for commands where the address is one server or has Sentinels. Begins to
 * connect, and connects again after every loss, until it is closed. A command that loses its connection fails at once.
 * Each connection has one role, because Redis accepts no other commands from a subscriber.
 *
 * With Cluster this is a connection to one node: what is published at one reaches the subscribers of all. It tries the
 * nodes in turn.
 *
 * @throws RangeError unless `redisUrl` is an address of Redis; the message does not quote it
 */
export function connectRedis(redisUrl: string, onError: OnError, options: RedisOptions = {}): Redis {
  const address = addressOf(redisUrl);
  const redis = new KeptRedis({ ...optionsOf(address), ...placeOf(address), ...options });
  if (address.mode === 'cluster') {
    let attempt = 0;
    redis.on('reconnecting', () => {
      const { host, port } = address.nodes[++attempt % address.nodes.length];
      Object.assign(redis.options, { host, port });
    });
  }
  return reportOnce(redis, onError);
}

/**
 * Makes a client for commands about keys. Otherwise as `connectRedis`.
 * @throws RangeError unless `redisUrl` is an address of Redis; the message does not quote it
 */
export function connectRedisData(redisUrl: string, onError: OnError, options: RedisOptions = {}): RedisData {
  const address = addressOf(redisUrl);
  if (address.mode !== 'cluster') return connectRedis(redisUrl, onError, options);
  const cluster = new Cluster([...address.nodes], {
    redisOptions: { ...optionsOf(address), ...options },
    // Certificates name hosts, and the cluster reports addresses.
    ...(address.isTls && { dnsLookup: (name, callback) => callback(null, name) }),
    clusterRetryStrategy: reconnectDelayMs,
    slotsRefreshTimeout: COMMAND_TIMEOUT_MS,
    ...(options.enableOfflineQueue !== undefined && { enableOfflineQueue: options.enableOfflineQueue }),
  });
  return reportOnce(cluster, onError);
}

/**
 * Connects again after an attempt that was canceled. `failoverDetector` cancels the attempt under way when a replica
 * takes over, and ioredis does not retry after that.
 */
class KeptRedis extends Redis {
  private isClosed = false;

  constructor(options: Omit<RedisOptions, 'replyMapping'>) {
    super(options);
    let isConnecting = true;
    this.on('connecting', () => (isConnecting = true));
    this.on('connect', () => (isConnecting = false));
    this.on('close', () => (isConnecting = false));
    this.on('end', () => {
      if (!isConnecting || this.isClosed) return;
      setTimeout(() => {
        // A failure of this attempt ends here as well.
        if (!this.isClosed && this.status === 'end') this.connect().catch(() => {});
      }, reconnectDelayMs(1)).unref();
    });
  }

  override disconnect(isTemporary = false): void {
    if (!isTemporary) this.isClosed = true;
    super.disconnect(isTemporary);
  }
}

/** Resolves when `redis` can take commands, or when `deadline` is over. */
export async function whenReady(redis: RedisData, deadline: AbortSignal): Promise<void> {
  if (redis.status === 'ready' || deadline.aborted) return;
  await new Promise<void>((resolve) => {
    const settle = () => {
      redis.off('ready', settle);
      deadline.removeEventListener('abort', settle);
      resolve();
    };
    redis.on('ready', settle);
    deadline.addEventListener('abort', settle);
  });
}

function addressOf(redisUrl: string): RedisAddress {
  const address = parseRedisAddress(redisUrl);
  if (address === null) throw new RangeError('this is not an address of Redis');
  return address;
}

/** Options that connections of all modes have. */
function optionsOf({ username, password, isTls, connectionName, family }: RedisAddress): RedisOptions {
  return {
    maxRetriesPerRequest: 0,
    connectTimeout: COMMAND_TIMEOUT_MS,
    keepAlive: PING_INTERVAL_MS,
    retryStrategy: reconnectDelayMs,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(isTls && { tls: {} }),
    ...(connectionName !== undefined && { connectionName }),
    ...(family !== 0 && { family }),
  };
}

/** Where a connection that is not a client of Cluster goes. */
function placeOf(address: RedisAddress): RedisOptions {
  const { mode, nodes, masterName, database: db, isTls } = address;
  if (mode !== 'sentinel') return { ...nodes[0], db };
  const { sentinelUsername, sentinelPassword } = address;
  return {
    sentinels: [...nodes],
    name: masterName,
    db,
    enableTLSForSentinelMode: isTls,
    ...(isTls && { sentinelTLS: {} }),
    ...(sentinelUsername !== undefined && { sentinelUsername }),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    sentinelCommandTimeout: COMMAND_TIMEOUT_MS,
    sentinelRetryStrategy: reconnectDelayMs,
    // Leaves a former master at once, even if that does not notice that it was replaced.
    failoverDetector: true,
  };
}

function reconnectDelayMs(attempt: number): number {
  return Math.min(50 * 2 ** attempt, MAX_RECONNECT_DELAY_MS) * (0.5 + Math.random() / 2);
}

/** Every attempt to reconnect fails in the same way: reports an outage once. */
function reportOnce<Client extends RedisData>(client: Client, onError: OnError): Client {
  let isReported = false;
  client.on('ready', () => (isReported = false));
  client.on('error', (error) => {
    if (!isReported) onError(error);
    isReported = true;
  });
  return client;
}
