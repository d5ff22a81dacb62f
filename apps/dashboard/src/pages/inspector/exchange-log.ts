/**
 * The inspector's data: the newest exchanges, up to a limit, and their bodies. Hundreds of events a second arrive;
 * readers are notified once per frame, and get a new list only if something in it has changed.
 */
import type { Exchange, ExchangeBodies } from '../../api/exchanges.js';

/** Most exchanges that are held. The oldest are dropped first. */
export const MAX_EXCHANGES = 1000;
/** Most exchanges whose bodies are held, with at most 64 KiB each way. */
export const MAX_BODIES = 200;

export interface LogSnapshot {
  /** Exchanges, newest first. */
  readonly exchanges: readonly Exchange[];
  readonly bodies: ReadonlyMap<string, ExchangeBodies>;
  /** Number of exchanges that the server left out since the log began or was cleared. */
  readonly omitted: number;
}

type Schedule = (flush: () => void) => void;

export class ExchangeLog {
  private readonly exchanges = new Map<string, Exchange>();
  private readonly bodies = new Map<string, ExchangeBodies>();
  private readonly listeners = new Set<() => void>();
  private readonly schedule: Schedule;
  private omitted = 0;
  private isScheduled = false;
  private lastSnapshot: LogSnapshot = { exchanges: [], bodies: new Map(), omitted: 0 };

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
    this.change();
  }

  addOmitted(count: number): void {
    this.omitted += count;
    this.change();
  }

  clear(): void {
    this.exchanges.clear();
    this.bodies.clear();
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
