/** Limits and times of one reverse connection. */
export interface ReverseTunnelSettings {
  /** Maximum number of streams open at once, however many the manager takes. */
  readonly maxStreams: number;
  /** Bytes that a manager may send on a stream whose consumer does not read. */
  readonly windowBytes: number;
  /** Maximum size of a window. */
  readonly maxWindowBytes: number;
  /** Bytes by which all windows together may grow. */
  readonly growthBudgetBytes: number;
  /** Longest time from the start to the manager's SETTINGS. */
  readonly handshakeTimeoutMs: number;
  /** How often the round trip is measured anew, in milliseconds. */
  readonly measureIntervalMs: number;
  /** Silence of an ingress, after its visitor ended, that ends the stream. */
  readonly lingerMs: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

export const DEFAULT_REVERSE_SETTINGS: ReverseTunnelSettings = {
  maxStreams: 240,
  windowBytes: 128 * KIB,
  maxWindowBytes: 8 * MIB,
  growthBudgetBytes: 64 * MIB,
  handshakeTimeoutMs: 10_000,
  measureIntervalMs: 30_000,
  lingerMs: 2000,
};
