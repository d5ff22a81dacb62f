import { EventNotPublishedError } from './errors.js';
import type { ClusterEvent, EventBus } from './event-bus.js';
import { Listeners } from './listeners.js';

/** For a deployment of one process. Listeners have been called when `publish` resolves; there are no gaps. */
export class InProcessEventBus implements EventBus {
  readonly #events: Listeners<[ClusterEvent]>;
  #isClosed = false;

  constructor(onError: (error: unknown) => void) {
    this.#events = new Listeners(onError);
  }

  async publish(event: ClusterEvent): Promise<void> {
    if (this.#isClosed) throw new EventNotPublishedError('the event bus is closed');
    this.#events.call(event);
  }

  subscribe(listener: (event: ClusterEvent) => void): () => void {
    return this.#events.add(listener);
  }

  onGap(): () => void {
    return () => {};
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#events.clear();
  }
}
