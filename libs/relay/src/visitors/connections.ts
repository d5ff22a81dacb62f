import { networkOf } from '@culvert/sockets';
import { ExchangeState } from '../exchange/exchange-state.js';
import type { Exchange } from '../exchange/exchange.js';
import { refuseWaiting } from '../exchange/stopping.js';
import type { WebSocketEnding } from '../exchange/web-socket-ending.js';
import { ConnectionPlaces } from './connection-places.js';
import type { VisitorConnection } from './visitor-connection.js';

/** How long visitors and services have to read the ends of what `drain` stopped, in milliseconds. */
const STOP_MS = 1000;

/** The connections that a relay holds, replays included, and how many of them come from each network. */
export class Connections {
  private readonly held = new Set<VisitorConnection>();
  private readonly endings = new Set<WebSocketEnding>();
  readonly places: ConnectionPlaces;
  private readonly hasLimit: boolean;
  private whenEmpty: (() => void) | null = null;

  /** @param maxPerAddress 0: no limit */
  constructor(maxPerAddress: number) {
    this.hasLimit = maxPerAddress > 0;
    this.places = new ConnectionPlaces(maxPerAddress);
  }

  get size(): number {
    return this.held.size;
  }

  /** Reserves a place for a connection of `address`, until `forget`. Returns false when its network has reached its limit. */
  reserve(address: string): boolean {
    return !this.hasLimit || this.places.reserve(networkOf(address));
  }

  add(connection: VisitorConnection): void {
    this.held.add(connection);
  }

  /** Forgets a connection, and releases its place. */
  forget(connection: VisitorConnection): void {
    if (!this.held.delete(connection)) return;
    if (this.hasLimit) this.places.release(networkOf(connection.peer));
    this.noticeDrained();
  }

  /** Forgets a replay, which holds no place of an address. */
  forgetReplay(replay: VisitorConnection): void {
    this.held.delete(replay);
    this.noticeDrained();
  }

  /** The exchanges under way. */
  *exchanges(): Generator<Exchange> {
    for (const connection of this.held) yield* connection.exchanges();
  }

  /** @param now the relay's clock */
  sweep(now: number): void {
    for (const connection of this.held) connection.sweep(now);
  }

  /** Lets visitors know that their connections will end. */
  giveNotice(): void {
    for (const connection of this.held) connection.giveNotice();
  }

  /** Keeps `drain` waiting for the end of a WebSocket whose connection may be gone. */
  addEnding(ending: WebSocketEnding): void {
    this.endings.add(ending);
  }

  forgetEnding(ending: WebSocketEnding): void {
    this.endings.delete(ending);
    this.noticeDrained();
  }

  /**
   * Ends idle connections, and each other one after its exchanges; stops exchanges that are under way after `graceMs`.
   * Resolves when no connection is left, and a second after `graceMs` in any case.
   */
  async drain(graceMs: number): Promise<void> {
    for (const connection of this.held) {
      connection.drain();
      for (const exchange of connection.exchanges()) refuseWaiting(exchange);
    }
    await this.untilDrained(graceMs);
    if (this.isDrained) return;
    for (const connection of this.held) connection.stop();
    await this.untilDrained(STOP_MS);
  }

  private async untilDrained(maxMs: number): Promise<void> {
    if (this.isDrained) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.whenEmpty = resolve;
      timer = setTimeout(resolve, maxMs);
    });
    this.whenEmpty = null;
    clearTimeout(timer);
  }

  /** Checks whether `drain` is done: a connection is gone, or carries nothing but streams that were handed off. */
  noticeDrained(): void {
    if (this.whenEmpty !== null && this.isDrained) this.whenEmpty();
  }

  /** Whether an exchange may still need a new stream. */
  get isRouting(): boolean {
    for (const exchange of this.exchanges()) if (exchange.state === ExchangeState.ROUTING) return true;
    return false;
  }

  /** Ends everything at once. */
  destroy(): void {
    for (const ending of this.endings) ending.destroy();
    for (const connection of this.held) connection.destroy();
  }

  private get isDrained(): boolean {
    if (this.endings.size > 0) return false;
    for (const connection of this.held) if (!connection.isIdleCarrier) return false;
    return true;
  }
}
