/**
 * The inspector's data: the newest exchanges, up to a limit, and their bodies. Hundreds of events a second arrive;
 * readers are notified once per frame, and get a new list only if something in it has changed.
 */
import type { Exchange, ExchangeBodies, ExchangeMessage } from '../../api/exchanges.js';

/** Most exchanges that are held. The oldest are dropped first. */
export const MAX_EXCHANGES = 1000;
/** Most exchanges whose bodies are held, with at most 64 KiB each way. */
export const MAX_BODIES = 200;
/** Most exchanges whose messages are held, and messages of each. */
export const MAX_EXCHANGES_WITH_MESSAGES = 100;
export const MAX_MESSAGES = 1000;

export interface LogSnapshot {
  /** Exchanges, newest first. */
  readonly exchanges: readonly Exchange[];
  readonly bodies: ReadonlyMap<string, ExchangeBodies>;
  /** Messages by the ID of their exchange, oldest first. */
  readonly messages: ReadonlyMap<string, readonly ExchangeMessage[]>;
  /** Number of messages that the server left out since the log began or was cleared. */
  readonly omittedMessages: number;
  /** Number of exchanges that the server left out since the log began or was cleared. */
  readonly omitted: number;
}

type Schedule = (flush: () => void) => void;

export class ExchangeLog {
  private readonly exchanges = new Map<string, Exchange>();
  private readonly bodies = new Map<string, ExchangeBodies>();
  private readonly messages = new Map<string, readonly ExchangeMessage[]>();
  private omittedMessages = 0;
  private readonly listeners = new Set<() => void>();
  private readonly schedule: Schedule;
  private omitted = 0;
  private isScheduled = false;
  private lastSnapshot: LogSnapshot = {
    exchanges: [],
    bodies: new Map(),
    messages: new Map(),
    omittedMessages: 0,
    omitted: 0,
  };

  /** @param schedule calls back once, soon: by default in the next frame */
  constructor(schedule: Schedule = (flush) => void requestAnimationFrame(flush)) {
    this.schedule = schedule;
  }

  add(exchange: Exchange): void {
    // A Map keeps the position of a key that is set again, so an updated exchange stays in place.
    this.exchanges.set(exchange.id, exchange);
    this.dropOldest(this.exchanges, MAX_EXCHANGES);
    this.change();
  }

  addBodies(bodies: ExchangeBodies): void {
    this.bodies.set(bodies.id, bodies);
    this.dropOldest(this.bodies, MAX_BODIES);
    // Those that passed before this page was opened.
    for (const message of bodies.messages ?? []) this.addMessage(message);
    this.change();
  }

  /** Adds a message, unless it was added before. */
  addMessage(message: ExchangeMessage): void {
    const before = this.messages.get(message.exchangeId) ?? [];
    if (message.seq <= (before.at(-1)?.seq ?? -1)) return;
    this.messages.set(message.exchangeId, [...before.slice(1 - MAX_MESSAGES), message]);
    this.dropOldest(this.messages, MAX_EXCHANGES_WITH_MESSAGES);
    this.change();
  }

  addOmittedMessages(count: number): void {
    this.omittedMessages += count;
    this.change();
  }

  addOmitted(count: number): void {
    this.omitted += count;
    this.change();
  }

  clear(): void {
    this.exchanges.clear();
    this.bodies.clear();
    this.messages.clear();
    this.omittedMessages = 0;
    this.omitted = 0;
    this.change();
  }

  /** For `useSyncExternalStore`. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };

  readonly snapshot = (): LogSnapshot => this.lastSnapshot;

  private dropOldest(map: Map<string, unknown>, max: number): void {
    if (map.size <= max) return;
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
  }

  private change(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.schedule(() => {
      this.isScheduled = false;
      this.lastSnapshot = {
        exchanges: [...this.exchanges.values()].toReversed(),
        bodies: new Map(this.bodies),
        messages: new Map(this.messages),
        omittedMessages: this.omittedMessages,
        omitted: this.omitted,
      };
      for (const listener of this.listeners) listener();
    });
  }
}

export interface ExchangeFilter {
  /** Text in method, target, status or the visitor's address. */
  readonly text: string;
  /** First digit of the status; `failed`: no response of the service; empty: any. */
  readonly outcome: string;
}

export function matches(exchange: Exchange, { text, outcome }: ExchangeFilter): boolean {
  const { method, target, status, error, visitor } = exchange;
  if (outcome === 'failed' ? error === null : outcome !== '' && String(status ?? '')[0] !== outcome)
    return false;
  if (text === '') return true;
  const wanted = text.toLowerCase();
  return [method, target, String(status ?? ''), error ?? '', visitor.address].some((part) =>
    part.toLowerCase().includes(wanted),
  );
}
