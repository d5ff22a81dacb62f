import type { EventBus } from './event-bus.js';
import { InProcessEventBus } from './in-process-event-bus.js';
import { RedisEventBus } from './redis-event-bus.js';

export interface EventBusOptions {
  /** Absent when the deployment is one process. */
  readonly redisUrl?: string | undefined;
  /** Hears of broken connections, once per outage, of messages that are no events, and of listeners that throw. */
  readonly onError: (error: unknown) => void;
}

/** The event bus of this process. With Redis it connects in the background, also when Redis comes later. */
export function createEventBus({ redisUrl, onError }: EventBusOptions): EventBus {
  return redisUrl === undefined ? new InProcessEventBus(onError) : new RedisEventBus(redisUrl, onError);
}
