/**
 * The exchanges of this process for its local inspector. While no page is open it keeps the heads that were parsed anyway;
 * bodies and messages are captured only while one is. Everything is in memory, with bounds.
 */
import type { RequestRecorder } from '@culvert/client';
import { ExchangeMessages, InflateBudget, MessageBudget, WatchMemory } from '@culvert/messages';
import type { InspectedEndpoint } from './inspected-endpoint.js';
import { RecordedExchange, type RecordingHost } from './recorded-exchange.js';

const MAX_EXCHANGES = 500;
/** Places of dropped exchanges before the list is made anew. */
const MAX_DROPPED = 100;
/** Characters of the heads of all kept exchanges. */
const MAX_HEADS_LENGTH = 8 * 1024 * 1024;
/** Bytes of all captured bodies and messages. */
const MAX_CAPTURED_BYTES = 64 * 1024 * 1024;
const INFLATED_BYTES_PER_SECOND = 32 * 1024 * 1024;
/** Milliseconds that a report may wait to be sent together with others. */
const FLUSH_MS = 100;
/** Exchanges that are reported at once; others wait for the next report. */
const MAX_PER_FLUSH = 50;
/** Exchanges that may wait; the oldest of more are only counted. */
const MAX_WAITING = MAX_EXCHANGES;

/** An event for a page, in the form of those of the API. */
export interface ExchangeEvent {
  readonly name: string;
  /** JSON. */
  readonly data: string;
}

export interface ExchangeWatcher {
  send(event: ExchangeEvent): void;
}

export class LocalExchanges implements RecordingHost {
  readonly memory = new WatchMemory(MAX_CAPTURED_BYTES);
  private readonly budget = new InflateBudget(INFLATED_BYTES_PER_SECOND);
  private readonly messageBudget = new MessageBudget();
  /** Kept exchanges, oldest first, behind places of dropped ones. */
  private kept: RecordedExchange[] = [];
  /** Index of the oldest kept exchange. */
  private first = 0;
  private headsLength = 0;
  private readonly watchers = new Set<ExchangeWatcher>();
  private readonly changed = new Set<RecordedExchange>();
  private readonly messages: ExchangeEvent[] = [];
  private omitted = 0;
  private omittedMessages = 0;
  private timer: NodeJS.Timeout | null = null;

  get isWatched(): boolean {
    return this.watchers.size > 0;
  }

  /** Returns what records the requests of an endpoint. */
  recorderOf(endpoint: InspectedEndpoint): RequestRecorder {
    return { begin: (head) => this.add(new RecordedExchange(endpoint, head, this)) };
  }

  /** Returns a kept exchange; null if it is not kept. */
  find(id: string): RecordedExchange | null {
    return this.all.find((each) => each.id === id) ?? null;
  }

  /** All kept exchanges, oldest first. */
  get all(): readonly RecordedExchange[] {
    return this.kept.slice(this.first);
  }

  /** Sends each change from now on until the returned function is called. */
  watch(watcher: ExchangeWatcher): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  /** Returns the exchanges that are kept now, each in the state that it has when its events are read, and then `ready`. */
  *past(): Generator<ExchangeEvent> {
    for (const exchange of this.all) {
      if (!exchange.isKept) continue;
      yield exchangeEvent(exchange);
      const bodies = bodiesEvent(exchange);
      if (bodies !== null) yield bodies;
    }
    yield { name: 'ready', data: '{}' };
  }

  messagesOf(exchange: RecordedExchange): ExchangeMessages {
    return new ExchangeMessages({
      exchangeId: exchange.id,
      memory: this.memory,
      budget: this.budget,
      messageBudget: this.messageBudget,
      captures: () => this.isWatched,
      onMessage: (data) => {
        this.messages.push({ name: 'message', data });
        this.flushSoon();
      },
      onOmitted: () => {
        this.omittedMessages++;
        this.flushSoon();
      },
      onChange: () => this.handleChange(exchange),
    });
  }

  handleChange(exchange: RecordedExchange): void {
    this.weigh(exchange);
    if (!this.isWatched) return;
    this.changed.add(exchange);
    if (this.changed.size > MAX_WAITING) {
      const [oldest] = this.changed;
      this.changed.delete(oldest);
      this.omitted++;
    }
    this.flushSoon();
  }

  handleEnd(exchange: RecordedExchange): void {
    this.handleChange(exchange);
    // It was dropped while it was under way.
    if (!exchange.isKept) exchange.free();
  }

  close(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    for (const exchange of this.all) exchange.free();
    this.kept = [];
    this.first = 0;
  }

  private add(exchange: RecordedExchange): RecordedExchange {
    this.kept.push(exchange);
    this.handleChange(exchange);
    return exchange;
  }

  /** Counts the heads of an exchange, and drops the oldest exchanges while there are too many. */
  private weigh(exchange: RecordedExchange): void {
    if (!exchange.isKept) return;
    this.headsLength += exchange.headLength - exchange.countedLength;
    exchange.countedLength = exchange.headLength;
    while (this.kept.length - this.first > MAX_EXCHANGES || this.headsLength > MAX_HEADS_LENGTH) {
      if (this.kept[this.first] === exchange) return;
      this.dropOldest();
    }
  }

  private dropOldest(): void {
    const exchange = this.kept[this.first++];
    exchange.isKept = false;
    this.headsLength -= exchange.countedLength;
    // One that is under way still has readers: it is freed at its end.
    if (exchange.isOver) exchange.free();
    if (this.first < MAX_DROPPED) return;
    this.kept = this.kept.slice(this.first);
    this.first = 0;
  }

  private flushSoon(): void {
    this.timer ??= setTimeout(() => this.flush(), FLUSH_MS).unref();
  }

  private flush(): void {
    this.timer = null;
    const shown = [...this.changed].slice(0, MAX_PER_FLUSH);
    for (const exchange of shown) {
      this.changed.delete(exchange);
      this.sendAll(exchangeEvent(exchange));
    }
    for (const message of this.messages.splice(0)) this.sendAll(message);
    for (const exchange of shown) {
      const bodies = exchange.isOver ? bodiesEvent(exchange) : null;
      if (bodies !== null) this.sendAll(bodies);
    }
    this.sendCount('omitted', this.omitted);
    this.sendCount('messages_omitted', this.omittedMessages);
    this.omitted = this.omittedMessages = 0;
    if (this.changed.size > 0) this.flushSoon();
  }

  private sendCount(name: string, count: number): void {
    if (count > 0) this.sendAll({ name, data: JSON.stringify({ count }) });
  }

  private sendAll(event: ExchangeEvent): void {
    for (const watcher of this.watchers) watcher.send(event);
  }
}

function exchangeEvent(exchange: RecordedExchange): ExchangeEvent {
  return { name: 'exchange', data: JSON.stringify(exchange.show()) };
}

/** Returns null if nothing was captured. */
function bodiesEvent(exchange: RecordedExchange): ExchangeEvent | null {
  const bodies = exchange.showBodies();
  return bodies === null ? null : { name: 'bodies', data: JSON.stringify(bodies) };
}
