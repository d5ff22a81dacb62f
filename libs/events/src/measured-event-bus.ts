import { Counts, Histogram } from '@culvert/measure';
import type { ClusterEvent, EventBus, Listening } from './event-bus.js';
import { EVENT_TYPES } from './event-codec.js';

const OUTCOME = { name: 'outcome', values: ['ok', 'failed'] } as const;

/** An event bus whose events are measured. */
export class MeasuredEventBus implements EventBus {
  /** Times until the bus accepted an event, or failed to. */
  readonly publishTimes = new Histogram([OUTCOME]);
  /** Times until Redis answered a ping, or failed to. Empty for a bus that connects no processes. */
  readonly pingTimes = new Histogram([OUTCOME]);
  readonly received = new Counts([{ name: 'type', values: EVENT_TYPES }]);
  readonly gaps = new Counts();
  readonly ping?: () => Promise<void>;

  constructor(private readonly bus: EventBus) {
    bus.subscribe(({ type }) => this.received.addAs(type));
    bus.onGap(() => this.gaps.add(0));
    if (bus.ping !== undefined) this.ping = () => timed(this.pingTimes, async () => bus.ping?.());
  }

  publish(event: ClusterEvent): Promise<void> {
    return timed(this.publishTimes, () => this.bus.publish(event));
  }

  subscribe(listener: (event: ClusterEvent) => void): () => void {
    return this.bus.subscribe(listener);
  }

  onGap(listener: () => void): () => void {
    return this.bus.onGap(listener);
  }

  send(topic: string, message: string): void {
    this.bus.send(topic, message);
  }

  listen(topic: string, listener: (message: string) => void): Listening {
    return this.bus.listen(topic, listener);
  }

  close(): Promise<void> {
    return this.bus.close();
  }
}

async function timed(times: Histogram, work: () => Promise<void>): Promise<void> {
  const began = performance.now();
  try {
    await work();
    times.observeAs(['ok'], performance.now() - began);
  } catch (error) {
    times.observeAs(['failed'], performance.now() - began);
    throw error;
  }
}
