/**
 * A tunnel as the rest of Culvert sees it: virtual TCP connections opened by intercept id.
 * The native protocol (docs/protocol.md) is one implementation; any other kind offers exactly this.
 *
 * Streams are callback objects and not Node streams: one request through a Node `Duplex` costs more than the
 * whole exchange (docs/decisions/0003-data-plane-without-node-http.md).
 */

/** Why a stream was reset. The numbers are wire values (docs/protocol.md §7). */
export const ResetCode = {
  /** The side that opened the stream no longer wants it. */
  CANCEL: 1,
  /** A fault inside the peer that is not the ingress's. */
  INTERNAL: 2,
  /** The ingress refused the TCP connection. */
  INGRESS_REFUSED: 3,
  /** No route to the ingress host or network. */
  INGRESS_UNREACHABLE: 4,
  /** The name of the ingress host does not resolve. */
  INGRESS_DNS: 5,
  /** The ingress did not accept the TCP or TLS connection in time. */
  INGRESS_TIMEOUT: 6,
  /** The TLS handshake with the ingress failed, or its certificate is not trusted. */
  INGRESS_TLS: 7,
  /** The ingress reset an established connection. */
  INGRESS_RESET: 8,
  /** The peer's policy forbids this target. */
  FORBIDDEN: 9,
  /** The peer serves its largest number of streams already. */
  STREAM_LIMIT: 10,
  /** More bytes were sent than the window allowed. */
  FLOW_CONTROL: 11,
  /** The tunnel below the stream ended. Sent on links only. */
  TUNNEL_LOST: 12,
  /** The ingress broke the rules of the protocol that this end speaks with it. Sent on links only. */
  INGRESS_PROTOCOL: 13,
  /** The sender holds no tunnel of the traffic manager, and passed on none of the stream's bytes. Only on links. */
  NO_TUNNEL: 14,
} as const;
export type ResetCode = (typeof ResetCode)[keyof typeof ResetCode];

/** Protocols that may be offered to a TLS ingress (RFC 7301). */
export const ALPN_PROTOCOLS = ['h2', 'http/1.1'] as const;
export type AlpnProtocol = (typeof ALPN_PROTOCOLS)[number];

/** The ingress that the far end connects a stream to. Taken from the preview, never from a visitor's request. */
export interface StreamTarget {
  /** The intercept this stream serves, `<uuid>:<name>`. */
  readonly interceptId: string;
  /** Host name or address of the ingress, resolved at the far end. */
  readonly host: string;
  /** TCP port, 1 to 65535. */
  readonly port: number;
  /** Whether the far end wraps the connection in TLS. */
  readonly tls: boolean;
  /** SNI and certificate name when `tls`; the layer-5 host. */
  readonly serverName: string;
  /** Whether the ingress certificate must be valid. */
  readonly verifyTls: boolean;
  /** Protocol offered to the TLS ingress by ALPN. The ingress must accept `h2` if that is offered, but need not accept `http/1.1`. Default: `http/1.1`. */
  readonly alpn?: AlpnProtocol;
  /** ID of the traffic manager that the stream is for, 1 to 64 characters. Sent on links only. */
  readonly trafficManagerId?: string;
}

/** Receives the events of one stream. No call follows `onReset`, nor `onEnd` once `end()` was called. */
export interface StreamHandler {
  /** The far end is connected to the ingress. Data may be written before this. */
  onOpen(): void;
  /** Bytes from the far end, in order. The chunk may share memory with other frames: copy what is kept long. */
  onData(chunk: Buffer): void;
  /** The far end will send no more bytes; writing is still possible. */
  onEnd(): void;
  /** The stream is gone, at once and both ways. */
  onReset(code: ResetCode, detail: string): void;
  /** After `write` returned false: more may be written. */
  onDrain(): void;
}

/** One virtual TCP connection. Methods may be called at any time and do nothing on a closed stream. */
export interface Stream {
  /** Unique within its tunnel. */
  readonly id: number;
  /** Receives the events. May be replaced at any time, for example when a pooled stream is reused. */
  handler: StreamHandler;
  /** False once reset, or ended both ways. */
  readonly isOpen: boolean;
  /**
   * Sends bytes; takes ownership of `chunk`, which must not change afterwards. Always accepts, and returns
   * false when the caller should wait for `onDrain` (no credit, or the carrier is congested).
   */
  write(chunk: Buffer): boolean;
  /** Half-close: no more bytes from this side. */
  end(): void;
  /** Ends both directions at once and sends the far end the reason. */
  reset(code: ResetCode, detail?: string): void;
  /** Stops `onData`. Bytes that still arrive wait in the stream, bounded by its window. */
  pause(): void;
  /** Resumes `onData`, first with the bytes that waited, synchronously. */
  resume(): void;
}

/** Life of a tunnel as seen from this end. */
export type TunnelState = 'handshake' | 'open' | 'draining' | 'closed';

/** One connection of a session to one edge, whatever protocol it speaks. */
export interface Tunnel {
  readonly kind: 'native' | 'telepresence';
  readonly state: TunnelState;
  /** Streams open now. */
  readonly streamCount: number;
  /** Streams that may be open at once. */
  readonly maxStreams: number;
  /** Most recent round-trip time in milliseconds, or 0 before the first measurement. */
  readonly roundTripMs: number;
  /** Bytes that came through its connection since it began, framing included. */
  readonly receivedBytes: number;
  /** Bytes handed to its connection since it began, framing included. */
  readonly sentBytes: number;
  /**
   * How long a stream may be idle and still be used again, in milliseconds. Present where the far end does not report
   * that the ingress has closed its connection.
   */
  readonly maxIdleStreamMs?: number;
  /**
   * Opens a stream to `target`. Returns null when the tunnel is not `open` or is at its cap of streams; an
   * ingress that cannot be reached is reported later through `handler.onReset`.
   */
  openStream(target: StreamTarget, handler: StreamHandler): Stream | null;
  /** Whether the far end can resolve `target`; absent where it always can. */
  isReadyFor?(target: StreamTarget): boolean;
}
