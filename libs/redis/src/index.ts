export {
  COMMAND_TIMEOUT_MS,
  connectRedis,
  connectRedisData,
  PING_INTERVAL_MS,
  type RedisConnection,
  type RedisData,
  SILENCE_TIMEOUT_MS,
  whenReady,
} from './connect-redis.js';
export { parseRedisAddress, type RedisAddress, type RedisNode } from './redis-address.js';
