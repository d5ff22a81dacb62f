import type { Exchange } from '../exchange/exchange.js';

/** One connection of a visitor, in any HTTP version: the part that the relay uses. */
export interface VisitorConnection {
  /** The other end's address. */
  readonly peer: string;
  /** Whether it carries streams that were handed off, and nothing else. */
  readonly isIdleCarrier: boolean;
  /** The exchanges under way. */
  exchanges(): readonly Exchange[];
  /** Called with the relay's clock a few times a second. */
  sweep(now: number): void;
  /** Lets the visitor know that the connection will end, and still serves it. `drain` follows. */
  giveNotice(): void;
  /** Ends the connection as soon as no exchange needs it. */
  drain(): void;
  /** Ends its exchanges in an orderly way: their time is over. Only after `drain`. */
  stop(): void;
  /** Ends it at once. */
  destroy(): void;
}
