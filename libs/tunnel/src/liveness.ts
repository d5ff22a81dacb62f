/**
 * Detects a dead peer and measures the round trip. Silence is counted in ticks of one coarse timer:
 * receiving costs one assignment, no clock is read, and a process that was itself asleep counts one tick of
 * silence instead of declaring every peer dead.
 */
export interface LivenessHost {
  sendPing(payload: Buffer): void;
  /** The peer was silent for the whole timeout. Called once. */
  onSilence(): void;
}

export interface LivenessTimes {
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
}

const TICKS_PER_INTERVAL = 4;

/** A busy peer is measured too, once in this many ping intervals: windows grow by the round-trip time. */
const INTERVALS_PER_MEASUREMENT = 5;

/** The least round trip rises by this much per measurement, so that a way that has become longer is noticed. */
const LEAST_RISE = 1.1;

/** Below this, turns of the event loop at both ends take longer than the network. */
const MIN_BASE_MS = 2;

export class Liveness {
  /** Most recent round trip, or 0 before the first. */
  roundTripMs = 0;
  /** Least round trip of late, or 0 before the first. */
  private leastMs = 0;
  private silentTicks = 0;
  private ticksSincePing = 0;
  /** Time when the unanswered PING was sent, which is also its payload; 0 without one. */
  private pingSentAt = 0;
  private readonly ticksToDeath: number;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly host: LivenessHost,
    times: LivenessTimes,
  ) {
    const tickMs = times.pingIntervalMs / TICKS_PER_INTERVAL;
    this.ticksToDeath = Math.max(TICKS_PER_INTERVAL + 1, Math.floor(times.pingTimeoutMs / tickMs));
    this.timer = setInterval(() => this.tick(), tickMs);
    this.sendPing();
  }

  /**
   * Round trip of the way alone, in milliseconds. The most recent one has the bytes in it that wait in the tunnel: a window
   * that grew by it would lengthen that queue, which lengthens the round trip.
   */
  get baseRoundTripMs(): number {
    return Math.max(this.leastMs, MIN_BASE_MS);
  }

  /** Something arrived. */
  heard(): void {
    this.silentTicks = 0;
  }

  handlePong(payload: Buffer): void {
    if (this.pingSentAt === 0 || payload.readDoubleBE(0) !== this.pingSentAt) return;
    const measuredMs = performance.now() - this.pingSentAt;
    this.pingSentAt = 0;
    this.roundTripMs = measuredMs;
    this.leastMs = this.leastMs === 0 ? measuredMs : Math.min(measuredMs, this.leastMs * LEAST_RISE);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private tick(): void {
    this.silentTicks++;
    this.ticksSincePing++;
    if (this.silentTicks >= this.ticksToDeath) {
      this.stop();
      this.host.onSilence();
      return;
    }
    const due = this.silentTicks >= TICKS_PER_INTERVAL ? 1 : INTERVALS_PER_MEASUREMENT;
    if (this.ticksSincePing >= due * TICKS_PER_INTERVAL) this.sendPing();
  }

  private sendPing(): void {
    this.ticksSincePing = 0;
    this.pingSentAt = performance.now();
    const payload = Buffer.allocUnsafe(8);
    payload.writeDoubleBE(this.pingSentAt, 0);
    this.host.sendPing(payload);
  }
}
