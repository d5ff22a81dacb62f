import type { ExchangeHost } from '../exchange/host.js';
import type { TrustedProxies } from './forwarded.js';
import type { HandOff } from './hand-off.js';
import type { VisitorConnection } from './visitor-connection.js';

/** The part of the relay that a visitor's connection uses. */
export interface ConnectionHost extends ExchangeHost {
  readonly trustedProxies: TrustedProxies;
  readonly handOff: Required<HandOff>;
  /** Whether answers announce the end of their connection, so that visitors send their next request elsewhere. */
  readonly isLeaving: boolean;
  /** The connection is gone, or was handed off. */
  forget(connection: VisitorConnection): void;
  /** The connection carries nothing but streams that were handed off. */
  handleIdleCarrier(): void;
}
