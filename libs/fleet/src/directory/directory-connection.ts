import {
  COMMAND_TIMEOUT_MS,
  connectRedis,
  connectRedisData,
  type RedisConnection,
  type RedisData,
  SILENCE_TIMEOUT_MS,
} from '@culvert/redis';
import { Cluster } from 'ioredis';

/** A command and its arguments. Each names one key at most, so that the keys may be on different nodes. */
export type Command = readonly [name: string, ...args: (string | number)[]];

/** Receives what happens on the connections of a directory. */
export interface ConnectionListener {
  /** Commands are accepted: for the first time, or again. */
  onReady(): void;
  /** Messages arrive: for the first time, or again after some may have been missed. */
  onListening(): void;
  onMessage(message: string): void;
  /** Receives the first error of each outage. */
  onError(error: unknown): void;
}

/** Wait after the first subscription that failed; it doubles up to the second number. Milliseconds. */
const RESUBSCRIBE_MS = 250;
const MAX_RESUBSCRIBE_MS = 15_000;

/** The two connections of a directory: one for commands, and one for messages. */
export class DirectoryConnection {
  private readonly commands: RedisData;
  private readonly subscriber: RedisConnection;
  private isFailing = false;
  private isClosed = false;
  /** Subscriptions that failed in a row: Redis is broken, or its ACL forbids them. */
  private failedSubscriptions = 0;
  private resubscribeTimer: NodeJS.Timeout | null = null;
  /** True while messages arrive. */
  isListening = false;

  /** Begins to connect. No event comes before the constructor has returned. */
  constructor(
    redisUrl: string,
    private readonly channels: readonly string[],
    private readonly listener: ConnectionListener,
  ) {
    const onError = (error: unknown) => listener.onError(error);
    const options = { autoResubscribe: false, socketTimeout: SILENCE_TIMEOUT_MS };
    this.commands = connectRedisData(redisUrl, onError, options);
    this.subscriber = connectRedis(redisUrl, onError, options);
    this.commands.on('ready', () => listener.onReady());
    // A node that takes over from another may lack its last writes, or all.
    if (this.commands instanceof Cluster)
      this.commands.on('+node', () => {
        if (this.isReady) listener.onReady();
      });
    this.subscriber.on('ready', () => void this.subscribe());
    this.subscriber.on('close', () => (this.isListening = false));
    this.subscriber.on('message', (_channel, message) => listener.onMessage(message));
  }

  /** Reports whether commands are accepted now. */
  get isReady(): boolean {
    return this.commands.status === 'ready';
  }

  /**
   * Sends commands and resolves with their replies, in order. A reply is an error if the key has another type. Resolves
   * with null if Redis is away, does not answer in time or refuses a command: some of them may have been executed.
   */
  async run(batch: readonly Command[]): Promise<unknown[] | null> {
    if (!this.isReady) return null;
    let timer: NodeJS.Timeout | undefined;
    try {
      const timeout = new Promise<null>((resolve) => {
        // Not at once: if this process stood still, the replies may have arrived and are read before the immediate.
        timer = setTimeout(() => setImmediate(resolve, null), COMMAND_TIMEOUT_MS);
      });
      const results = await Promise.race([execute(this.commands, batch), timeout]);
      if (results === null) throw new Error('Redis did not answer in time');
      const replies = results.map(([error, reply]) => {
        if (error !== null && !error.message.startsWith('WRONGTYPE')) throw error;
        return error ?? reply;
      });
      this.isFailing = false;
      return replies;
    } catch (error) {
      this.handleFailure(error);
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Connects anew, because messages no longer arrive. */
  listenAgain(): void {
    this.isListening = false;
    this.clearResubscribe();
    if (!this.isClosed) this.subscriber.disconnect(true);
  }

  close(): void {
    this.isClosed = true;
    this.isListening = false;
    this.clearResubscribe();
    this.subscriber.disconnect();
    this.commands.disconnect();
  }

  private async subscribe(): Promise<void> {
    try {
      await this.subscriber.subscribe(...this.channels);
    } catch (error) {
      // Commands may succeed meanwhile: only the first failure in a row is reported.
      if (this.failedSubscriptions === 0) this.handleFailure(error);
      this.resubscribeLater();
      return;
    }
    if (this.isClosed) return;
    this.failedSubscriptions = 0;
    this.isListening = true;
    this.listener.onListening();
  }

  private resubscribeLater(): void {
    if (this.isClosed) return;
    this.clearResubscribe();
    const waitMs = Math.min(MAX_RESUBSCRIBE_MS, RESUBSCRIBE_MS * 2 ** this.failedSubscriptions++);
    this.resubscribeTimer = setTimeout(() => this.listenAgain(), waitMs).unref();
  }

  private clearResubscribe(): void {
    if (this.resubscribeTimer !== null) clearTimeout(this.resubscribeTimer);
    this.resubscribeTimer = null;
  }

  /** A lost connection is reported elsewhere. This is for an open connection to a Redis that does not work. */
  private handleFailure(error: unknown): void {
    if (this.isClosed || !this.isReady) return;
    if (!this.isFailing) this.listener.onError(error);
    this.isFailing = true;
  }
}

/** One pipeline where all keys are on one server; a cluster's client sends each command to its node. */
async function execute(
  redis: RedisData,
  batch: readonly Command[],
): Promise<[error: Error | null, reply: unknown][] | null> {
  if (!(redis instanceof Cluster)) return redis.pipeline(batch as unknown as unknown[][]).exec();
  return Promise.all(
    batch.map(async ([name, ...args]): Promise<[Error | null, unknown]> => {
      try {
        return [null, await redis.call(name, ...args)];
      } catch (error) {
        return [error as Error, null];
      }
    }),
  );
}
