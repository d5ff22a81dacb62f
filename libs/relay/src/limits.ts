import { DEFAULT_HEAD_LIMITS, type HeadLimits } from '@culvert/http1';

/** What one visitor may cost. All times are compared with a clock of 250 ms steps. */
export interface RelayLimits {
  readonly head: HeadLimits;
  /** From the first byte of a head (or the connection) to its last. */
  readonly headTimeoutMs: number;
  /** Between two requests of a connection, and between two pieces of a request body. */
  readonly idleTimeoutMs: number;
  /** From the end of a request to the head of its response. */
  readonly responseTimeoutMs: number;
  /** How long a visitor may leave a response unread. */
  readonly stallTimeoutMs: number;
  /** Silence allowed on an upgraded connection; 0 for any. */
  readonly upgradeIdleTimeoutMs: number;
  /** How long a request waits for a traffic manager that is not connected; 0 answers 503 at once. */
  readonly managerWaitMs: number;
  /** Bytes of one request body; 0 for any. */
  readonly maxBodyBytes: number;
  /** Exchanges under way on one preview. */
  readonly maxRequestsPerPreview: number;
  /** Open connections of one address; 0 for any. */
  readonly maxConnectionsPerAddress: number;
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
  maxConnectionsPerAddress: 0,
};

/** Bytes a visitor may send ahead of what can be handled yet, before its socket is paused. */
export const MAX_PENDING_BYTES = 65_536;

/** How long a visitor that has closed its sending side is waited for while nothing moves. */
export const HALF_CLOSED_IDLE_MS = 2000;

/** How long bytes are read and dropped after the last response, so that the visitor gets to read it. */
export const LINGER_MS = 2000;

/** 1xx responses a service may send before the final one. */
export const MAX_INTERIM_RESPONSES = 32;

export const CHUNKED_LIMITS = { maxExtensionBytes: 4096, maxTrailerBytes: 16_384, maxTrailerCount: 64 };
