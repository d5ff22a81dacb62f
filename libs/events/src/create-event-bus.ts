import { InProcessEventBus } from './in-process-event-bus.js';
import { MeasuredEventBus } from './measured-event-bus.js';
import { RedisEventBus } from './redis-event-bus.js';

export interface EventBusOptions {
  /** Absent if the deployment is one process. */
  readonly redisUrl?: string | undefined;
  /** Receives broken connections (once per outage), messages that are not events, and errors of listeners. */
  readonly onError: (error: unknown) => void;
}

/** Creates the event bus of this process. With Redis it connects in the background, even if Redis starts later. */
export function createEventBus({ redisUrl, onError }: EventBusOptions): MeasuredEventBus {
  return new MeasuredEventBus(
    redisUrl === undefined ? new InProcessEventBus(onError) : new RedisEventBus(redisUrl, onError),
  );
}
