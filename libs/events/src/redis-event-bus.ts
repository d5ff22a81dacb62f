import {
  COMMAND_TIMEOUT_MS,
  connectRedis,
  PING_INTERVAL_MS,
  type RedisConnection,
  SILENCE_TIMEOUT_MS,
  whenReady,
} from '@culvert/redis';
import { EventNotPublishedError } from './errors.js';
import type { ClusterEvent, EventBus, Listening } from './event-bus.js';
import { decodeEvent, encodeEvent } from './event-codec.js';
import { Listeners } from './listeners.js';
import { Topics } from './topics.js';

const CHANNEL = 'culvert:events';
const TOPIC_PREFIX = 'culvert:topic:';
/** Limit of bulk data buffered on the publisher's connection: the excess is lost. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

/**
 * Events through Redis publish/subscribe. A process receives its own events like those of others, once. Each connection has
 * one role, because Redis accepts no other commands from a subscriber.
 */
export class RedisEventBus implements EventBus {
  private readonly events: Listeners<[ClusterEvent]>;
  private readonly gaps: Listeners<[]>;
  private readonly publisher: RedisConnection;
  private readonly subscriber: RedisConnection;
  private readonly pings: NodeJS.Timeout;
  private readonly topics: Topics;
  /** A connection of its own, created for the first subscriber: bulk data that is read too slowly must not cost an event. */
  private topicSubscriber: RedisConnection | null = null;
  /** Resolved by the first subscription: this process would not receive events that are published earlier. */
  private readonly listening: Promise<void>;
  readonly #redisUrl: string;
  private hasGap = false;
  private isClosed = false;

  /** Begins to connect. Until Redis is available, and during outages, `publish` rejects and the rest waits. */
  constructor(
    redisUrl: string,
    private readonly onError: (error: unknown) => void,
  ) {
    this.#redisUrl = redisUrl;
    this.topics = new Topics(onError);
    this.events = new Listeners(onError);
    this.gaps = new Listeners(onError);
    this.publisher = connectRedis(redisUrl, onError).setMaxListeners(0);
    this.subscriber = connectRedis(redisUrl, onError, {
      autoResubscribe: false,
      socketTimeout: SILENCE_TIMEOUT_MS,
    });
    this.subscriber.on('message', (_channel, message) => this.handleMessage(message));
    this.subscriber.on('close', () => (this.hasGap = true));
    this.listening = new Promise((resolve) => {
      this.subscriber.on('ready', () => void this.subscribeChannel().then(resolve, () => {}));
    });
    this.pings = setInterval(() => {
      // A failed ping closes the connection, which is handled there.
      for (const subscriber of [this.subscriber, this.topicSubscriber])
        if (subscriber?.status === 'ready') subscriber.ping().catch(() => {});
    }, PING_INTERVAL_MS).unref();
  }

  async publish(event: ClusterEvent): Promise<void> {
    if (this.isClosed) throw new EventNotPublishedError('the event bus is closed');
    const deadline = AbortSignal.timeout(COMMAND_TIMEOUT_MS);
    try {
      await Promise.race([this.publishWhenReady(event, deadline), expiry(deadline)]);
    } catch (error) {
      throw new EventNotPublishedError('Redis did not accept the event in time', { cause: error });
    }
  }

  subscribe(listener: (event: ClusterEvent) => void): () => void {
    return this.events.add(listener);
  }

  onGap(listener: () => void): () => void {
    return this.gaps.add(listener);
  }

  send(topic: string, message: string): void {
    if (this.isClosed || this.publisher.status !== 'ready') return;
    const { stream } = this.publisher;
    if (stream !== undefined && stream.writableLength > MAX_WAITING_BYTES) return;
    // A message that does not arrive is lost, as documented.
    this.publisher.publish(TOPIC_PREFIX + topic, message).catch(() => {});
  }

  listen(topic: string, listener: (message: string) => void): Listening {
    const isFirst = !this.topics.has(topic);
    const remove = this.topics.add(topic, listener);
    const isReady = isFirst ? this.subscribeTopic(topic) : Promise.resolve();
    return {
      isReady,
      stop: () => {
        remove();
        if (this.topics.has(topic) || this.topicSubscriber?.status !== 'ready') return;
        this.topicSubscriber.unsubscribe(TOPIC_PREFIX + topic).catch(() => {});
      },
    };
  }

  async ping(): Promise<void> {
    if (this.subscriber.status !== 'ready') throw new EventNotPublishedError('Redis is not connected');
    await Promise.race([this.publisher.ping(), expiry(AbortSignal.timeout(COMMAND_TIMEOUT_MS))]);
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    clearInterval(this.pings);
    this.events.clear();
    this.gaps.clear();
    this.subscriber.disconnect();
    this.topics.clear();
    this.topicSubscriber?.disconnect();
    // Published messages are still sent.
    if (this.publisher.status === 'ready') await this.publisher.quit().catch(() => {});
    this.publisher.disconnect();
  }

  private async publishWhenReady(event: ClusterEvent, deadline: AbortSignal): Promise<void> {
    await this.listening;
    await whenReady(this.publisher, deadline);
    // The caller has given up meanwhile: a late event would contradict the result that it got.
    if (!deadline.aborted) await this.publisher.publish(CHANNEL, encodeEvent(event));
  }

  /** Without a connection, it is subscribed with all others once there is one. */
  private async subscribeTopic(topic: string): Promise<void> {
    const subscriber = (this.topicSubscriber ??= this.connectTopics());
    const deadline = AbortSignal.timeout(COMMAND_TIMEOUT_MS);
    await whenReady(subscriber, deadline);
    if (deadline.aborted || !this.topics.has(topic)) return;
    // If its connection breaks, the next one subscribes to it.
    await subscriber.subscribe(TOPIC_PREFIX + topic).catch(() => {});
  }

  private connectTopics(): RedisConnection {
    const subscriber = connectRedis(this.#redisUrl, this.onError, {
      autoResubscribe: false,
      socketTimeout: SILENCE_TIMEOUT_MS,
    }).setMaxListeners(0);
    subscriber.on('message', (channel, message) =>
      this.topics.deliver(channel.slice(TOPIC_PREFIX.length), message),
    );
    subscriber.on('ready', () => {
      const channels = this.topics.names().map((topic) => TOPIC_PREFIX + topic);
      if (channels.length > 0) subscriber.subscribe(...channels).catch(() => {});
    });
    return subscriber;
  }

  private async subscribeChannel(): Promise<void> {
    try {
      await this.subscriber.subscribe(CHANNEL);
    } catch (error) {
      if (!this.isClosed) {
        this.onError(error);
        this.subscriber.disconnect(true);
      }
      throw error;
    }
    if (this.hasGap) this.gaps.call();
    this.hasGap = false;
  }

  private handleMessage(message: string): void {
    try {
      const event = decodeEvent(message);
      if (event !== null) this.events.call(event);
    } catch (error) {
      this.onError(error);
    }
  }
}

function expiry(deadline: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    deadline.addEventListener('abort', () => reject(deadline.reason as Error), { once: true });
  });
}
