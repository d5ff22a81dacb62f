import { EventNotPublishedError } from './errors.js';
import type { ClusterEvent, EventBus, Listening } from './event-bus.js';
import { Listeners } from './listeners.js';
import { Topics } from './topics.js';

/** Event bus for a deployment of one process. Listeners have been called when `publish` resolves; there are no gaps. */
export class InProcessEventBus implements EventBus {
  private readonly events: Listeners<[ClusterEvent]>;
  private readonly topics: Topics;
  private isClosed = false;

  constructor(onError: (error: unknown) => void) {
    this.events = new Listeners(onError);
    this.topics = new Topics(onError);
  }

  async publish(event: ClusterEvent): Promise<void> {
    if (this.isClosed) throw new EventNotPublishedError('the event bus is closed');
    this.events.call(event);
  }

  subscribe(listener: (event: ClusterEvent) => void): () => void {
    return this.events.add(listener);
  }

  onGap(): () => void {
    return () => {};
  }

  send(topic: string, message: string): void {
    if (!this.isClosed) this.topics.deliver(topic, message);
  }

  listen(topic: string, listener: (message: string) => void): Listening {
    return { isReady: Promise.resolve(), stop: this.topics.add(topic, listener) };
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.topics.clear();
    this.events.clear();
  }
}
