import { DEFAULT_CHUNKED_LIMITS, DEFAULT_HEAD_LIMITS, type HeadLimits } from '@culvert/http1';

/** Limits of what one visitor may use. All times are compared with a clock of 250 ms steps. */
export interface RelayLimits {
  readonly head: HeadLimits;
  /** Time from the first byte of a head to its last. */
  readonly headTimeoutMs: number;
  /** Silence allowed before and between the requests of a connection, and between two pieces of a request body. */
  readonly idleTimeoutMs: number;
  /** Time from the end of a request to the head of its response. */
  readonly responseTimeoutMs: number;
  /** How long a visitor may leave a response unread. */
  readonly stallTimeoutMs: number;
  /** Silence allowed on an upgraded connection; 0: no limit. */
  readonly upgradeIdleTimeoutMs: number;
  /** How long a request waits for a traffic manager that is not connected; 0 answers 503 at once. */
  readonly managerWaitMs: number;
  /** Bytes of one request body; 0: no limit. */
  readonly maxBodyBytes: number;
  /** Exchanges under way on one preview. */
  readonly maxRequestsPerPreview: number;
  /** Requests a minute of all previews of one team together; 0: no limit. */
  readonly maxRequestsPerTeam: number;
  /** Open connections of one IPv4 address, or of one /64 of IPv6; 0: no limit. */
  readonly maxConnectionsPerAddress: number;
  /** Limits of an HTTP/1.1 visitor that is still sending its request when it has been answered. */
  readonly linger: LingerLimits;
  readonly http2: Http2Limits;
}

/** How long, and how much, a connection is read after its last response. */
export interface LingerLimits {
  /** Silence of the visitor, in milliseconds. */
  readonly idleMs: number;
  /** Time from the moment that the whole response has left this process, in milliseconds. */
  readonly maxMs: number;
  /** Bytes that are read and dropped. */
  readonly maxBytes: number;
}

/** Limits of one HTTP/2 connection beside those of its requests (docs/http2.md §5). */
export interface Http2Limits {
  /** Requests under way; further ones are refused (REFUSED_STREAM). */
  readonly maxStreams: number;
  /** Requests that end before their response does, in ten seconds. */
  readonly maxResets: number;
  /** PING and SETTINGS frames in ten seconds; as many others without content. */
  readonly maxControlFrames: number;
  /** Bytes of one request body that may arrive before they can be forwarded. */
  readonly windowBytes: number;
}

export const DEFAULT_RELAY_LIMITS: RelayLimits = {
  head: DEFAULT_HEAD_LIMITS,
  headTimeoutMs: 15_000,
  idleTimeoutMs: 75_000,
  responseTimeoutMs: 60_000,
  stallTimeoutMs: 300_000,
  upgradeIdleTimeoutMs: 0,
  managerWaitMs: 10_000,
  maxBodyBytes: 0,
  maxRequestsPerPreview: 1000,
  maxRequestsPerTeam: 1_200_000,
  maxConnectionsPerAddress: 0,
  linger: { idleMs: 5000, maxMs: 30_000, maxBytes: 268_435_456 },
  http2: { maxStreams: 128, maxResets: 500, maxControlFrames: 1000, windowBytes: 262_144 },
};

const HOUR_MS = 3_600_000;

/** Limits of a relay that stands in front of applications with limits of their own, or behind an edge: they only bound memory. */
export const MEMORY_LIMITS: RelayLimits = {
  ...DEFAULT_RELAY_LIMITS,
  head: { maxHeadBytes: 131_072, maxFieldCount: 500, maxTargetBytes: 65_536 },
  headTimeoutMs: 60_000,
  idleTimeoutMs: HOUR_MS,
  responseTimeoutMs: 24 * HOUR_MS,
  stallTimeoutMs: HOUR_MS,
  managerWaitMs: 0,
  maxRequestsPerPreview: 100_000,
  maxRequestsPerTeam: 0,
};

/** Bytes a visitor may send ahead of what can be handled yet, before its socket is paused. */
export const MAX_PENDING_BYTES = 65_536;

/** How long the relay waits for a visitor that has closed its sending side while no byte moves. */
export const HALF_CLOSED_IDLE_MS = 2000;

/** How long a connection whose last request is complete stays open for the visitor to read the response and close it. */
export const LINGER_MS = 2000;

/** How long a response that broke off may stay unread over HTTP/2 before its stream and its waiting bytes are dropped. */
export const BROKEN_IDLE_MS = 5000;

/** 1xx responses a service may send before the final one. */
export const MAX_INTERIM_RESPONSES = 32;

/** The limits of docs/http1.md §2.2, for both directions. */
export const CHUNKED_LIMITS = DEFAULT_CHUNKED_LIMITS;
