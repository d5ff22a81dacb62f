/** Connections to Redis: the only place where one is made. */
import { Redis, type RedisOptions } from 'ioredis';

/** Longest attempt to connect, and the longest that a command may take, in milliseconds. */
export const COMMAND_TIMEOUT_MS = 2_000;
/** How often a connection that only listens is pinged: without pings it would not notice that the far end is gone. */
export const PING_INTERVAL_MS = 5_000;
/** Silence after which such a connection is closed, in milliseconds. */
export const SILENCE_TIMEOUT_MS = 15_000;
const MAX_RECONNECT_DELAY_MS = 1_000;

/**
 * Begins to connect, and connects again after every loss, until it is closed. A command that loses its connection fails
 * at once. Each connection has one role, because Redis accepts no other commands from a subscriber.
 *
 * @param onError receives the first error of each outage, and no repetitions
 */
export function connectRedis(
  redisUrl: string,
  onError: (error: unknown) => void,
  options: RedisOptions = {},
): Redis {
  const redis = new Redis(redisUrl, {
    maxRetriesPerRequest: 0,
    connectTimeout: COMMAND_TIMEOUT_MS,
    keepAlive: PING_INTERVAL_MS,
    retryStrategy: (attempt) =>
      Math.min(50 * 2 ** attempt, MAX_RECONNECT_DELAY_MS) * (0.5 + Math.random() / 2),
    ...options,
  });
  // Every attempt to reconnect fails in the same way: report an outage once.
  let isReported = false;
  redis.on('ready', () => (isReported = false));
  redis.on('error', (error) => {
    if (!isReported) onError(error);
    isReported = true;
  });
  return redis;
}

/** Resolves when `redis` can take commands, or when `deadline` is over. */
export async function whenReady(redis: Redis, deadline: AbortSignal): Promise<void> {
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
