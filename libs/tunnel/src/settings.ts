import { PROTOCOL_VERSION } from './frame.js';
import { type HelloFrame, type Welcome, WELCOME_BOUNDS } from './handshake.js';

/** Limits and times of one tunnel. The acceptor's numbers reach the dialer in WELCOME. */
export interface TunnelSettings {
  /** Maximum number of streams open at once. A dialer's number caps what the acceptor offers. */
  readonly maxStreams: number;
  /** Credit that every stream starts with, backed for all `maxStreams`. Acceptor only. */
  readonly windowBytes: number;
  /** Credit a stream gets when it opens, while the budget allows. */
  readonly openWindowBytes: number;
  /** Maximum size of a window. Acceptor only. */
  readonly maxWindowBytes: number;
  /**
   * Maximum number of received bytes that may wait in the tunnel: the sum of all granted windows. Default: twice the least
   * credit of `maxStreams`.
   */
  readonly receiveBudgetBytes: number;
  /** Silence after which PING is sent. Acceptor only. */
  readonly pingIntervalMs: number;
  /** Silence after which the peer is dead. Acceptor only. */
  readonly pingTimeoutMs: number;
  /** Longest handshake, from the carrier's start to WELCOME. */
  readonly handshakeTimeoutMs: number;
  /** Unsent bytes in the carrier at which streams stop sending. */
  readonly highWaterBytes: number;
  /** Unsent control frames that end the tunnel: the peer does not read. */
  readonly maxHeldControlBytes: number;
  /** More PINGs than this from the peer end the tunnel. */
  readonly maxPingsPerSecond: number;
  /** More streams than this that the peer opened and reset, or that were refused, end the tunnel. */
  readonly maxAbortsPerSecond: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

export const DEFAULT_SETTINGS: Omit<TunnelSettings, 'receiveBudgetBytes'> = {
  maxStreams: 1024,
  windowBytes: 32 * KIB,
  openWindowBytes: 256 * KIB,
  maxWindowBytes: 8 * MIB,
  pingIntervalMs: 2000,
  pingTimeoutMs: 4500,
  handshakeTimeoutMs: 10_000,
  highWaterBytes: 512 * KIB,
  maxHeldControlBytes: 256 * KIB,
  maxPingsPerSecond: 100,
  maxAbortsPerSecond: 20_000,
};

/** Returns the defaults with `changes`. Throws RangeError, naming the setting, when the result makes no sense. */
export function tunnelSettings(changes: Partial<TunnelSettings> = {}): TunnelSettings {
  const merged = { ...DEFAULT_SETTINGS, ...changes };
  const receiveBudgetBytes = changes.receiveBudgetBytes ?? 2 * merged.maxStreams * merged.windowBytes;
  const settings = { ...merged, receiveBudgetBytes };
  for (const [name, value] of Object.entries(settings)) {
    if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name} must be a positive integer`);
  }
  for (const [name, [min, max]] of Object.entries(WELCOME_BOUNDS)) {
    const value = settings[name as keyof typeof WELCOME_BOUNDS];
    if (value < min || value > max) throw new RangeError(`${name} must be from ${min} to ${max}`);
  }
  if (settings.maxWindowBytes < settings.windowBytes) {
    throw new RangeError('maxWindowBytes must not be below windowBytes');
  }
  if (settings.pingTimeoutMs <= settings.pingIntervalMs) {
    throw new RangeError('pingTimeoutMs must be above pingIntervalMs');
  }
  if (settings.maxStreams * settings.windowBytes > settings.receiveBudgetBytes) {
    throw new RangeError('receiveBudgetBytes must cover maxStreams windows of windowBytes');
  }
  return settings;
}

/** The session that a dialer is accepted into, and the edge that it reached. */
export interface AcceptedSession {
  readonly sessionId: string;
  /** Whether the session existed before. */
  readonly resumed: boolean;
  /** Id of the acceptor, 1 to 64 characters. Default: it has none. */
  readonly edgeId?: string;
  /** As in WELCOME. */
  readonly machineId?: string;
}

/** Returns the WELCOME for a dialer that is accepted into `session`. */
export function welcomeFor(hello: HelloFrame, session: AcceptedSession, settings: TunnelSettings): Welcome {
  return {
    version: PROTOCOL_VERSION,
    sessionId: session.sessionId,
    resumed: session.resumed,
    maxStreams: Math.min(settings.maxStreams, hello.maxStreams ?? settings.maxStreams),
    windowBytes: settings.windowBytes,
    maxWindowBytes: settings.maxWindowBytes,
    pingIntervalMs: settings.pingIntervalMs,
    pingTimeoutMs: settings.pingTimeoutMs,
    ...(session.edgeId !== undefined && { edgeId: session.edgeId }),
    ...(session.machineId !== undefined && { machineId: session.machineId }),
  };
}
