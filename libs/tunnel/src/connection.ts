/** A tunnel as its user sees it: its methods and its events. */
import type { ReceiveBudget } from '@culvert/flow';
import type { GoAwayCode } from './frame.js';
import type { Hello, Welcome } from './handshake.js';
import type { AcceptedSession, TunnelSettings } from './settings.js';
import type { IncomingStream } from './stream.js';
import type { PeerKind } from './target.js';
import type { ResetCode, StreamTarget, Tunnel } from './types.js';

/** Receives the events of a tunnel. Every method but `onClose` is optional; only `onFault` may follow `onClose`. */
export interface TunnelHandler {
  /** The handshake succeeded: streams may be opened from now on. */
  onOpen?(welcome: Welcome): void;
  /** The peer neither opens nor accepts further streams; open ones continue. `openStream` returns null. */
  onGoAway?(code: GoAwayCode, reason: string): void;
  /**
   * The peer opened a stream. Set `stream.handler` before returning; data may follow at once, or call
   * `stream.pause()`. Without this method every stream of the peer is refused with FORBIDDEN.
   */
  onStream?(stream: IncomingStream, target: StreamTarget): void;
  /** The tunnel is gone, handshake or not. Called exactly once, after every open stream was reset with TUNNEL_LOST. */
  onClose(code: GoAwayCode, reason: string, wasError: boolean): void;
  /**
   * The other edge of a link refused a stream for this traffic manager and passed on none of its bytes: NO_TUNNEL, or
   * STREAM_LIMIT. Called before the stream's own `onReset`.
   */
  onRefused?(trafficManagerId: string, code: ResetCode): void;
  /** A handler threw. The tunnel closes with INTERNAL; without this method a process warning is emitted. */
  onFault?(error: unknown): void;
}

/** Answer of an acceptor to a HELLO. */
export type HelloAnswer =
  | { readonly accept: AcceptedSession }
  | { readonly refuse: { readonly code: GoAwayCode; readonly reason: string } };

export interface DialOptions extends TunnelHandler {
  readonly settings?: Partial<TunnelSettings>;
  /**
   * Bytes that windows borrow to grow beyond `windowBytes`, shared with other tunnels. Default: what `receiveBudgetBytes`
   * leaves, for this tunnel alone.
   */
  readonly budget?: ReceiveBudget;
  /** `link`: the peer is another edge (docs/protocol.md §10). Default: `tunnel`. */
  readonly peer?: PeerKind;
}

export interface AcceptOptions extends DialOptions {
  /**
   * Decides about a dialer. The tunnel may have closed when the promise settles: register what depends on an open
   * tunnel in `onOpen`, which is then not called.
   */
  onHello(hello: Hello): Promise<HelloAnswer>;
}

export interface GoAwayOptions {
  /** How long open streams may continue, in milliseconds. */
  readonly graceMs: number;
}

/** A tunnel that speaks docs/protocol.md, either end. */
export interface TunnelConnection extends Tunnel {
  readonly kind: 'native';
  /** Returns how many streams that this end opened over a link for this traffic manager are open. */
  streamCountOf(trafficManagerId: string): number;
  /** Opens no further streams and asks the peer to do the same. Closes when no stream is left or the grace is over. */
  goAway(code: GoAwayCode, reason: string, options?: GoAwayOptions): void;
  /** Ends the tunnel at once and sends the peer the reason. Open streams are lost. Does nothing once closed. */
  close(code: GoAwayCode, reason: string): void;
}
