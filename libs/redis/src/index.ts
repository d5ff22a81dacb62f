export {
  COMMAND_TIMEOUT_MS,
  connectRedis,
  PING_INTERVAL_MS,
  SILENCE_TIMEOUT_MS,
  whenReady,
} from './connect-redis.js';
