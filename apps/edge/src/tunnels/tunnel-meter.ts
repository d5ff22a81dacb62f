import type { TunnelReport } from '@culvert/domain';
import type { Tunnel } from '@culvert/tunnel';

/**
 * Bytes that an idle tunnel exchanges between two looks ten seconds apart, to notice a dead peer: five pings of each end
 * take less than 1 KiB. If fewer bytes pass and no stream opens or closes, a tunnel is idle.
 */
export const MAX_IDLE_BYTES = 2048;
/** A round trip has changed if it differs from the reported one by this, and by half of it. */
const MIN_ROUND_TRIP_CHANGE_MS = 10;
/**
 * Looks between two reports of an idle tunnel whose round trip has changed: ten minutes. Round trips vary, and a report is a
 * write to the database, which would otherwise grow with the number of idle tunnels.
 */
const IDLE_LOOKS = 60;

/** Measures one tunnel, and remembers what was reported. */
export class TunnelMeter {
  private reportedReceived = 0;
  private reportedSent = 0;
  private reportedStreams = 0;
  private reportedRoundTripMs = 0;
  /** All bytes at the last look. */
  private seenBytes = 0;
  private looksSinceReport = 0;

  constructor(
    private readonly id: string,
    private tunnel: Pick<Tunnel, 'receivedBytes' | 'sentBytes' | 'streamCount' | 'roundTripMs'>,
  ) {}

  /**
   * Reports whether figures have changed since the last report, apart from what an idle tunnel exchanges. Called every ten
   * seconds.
   */
  look(): boolean {
    const { receivedBytes, sentBytes, streamCount } = this.tunnel;
    const bytes = receivedBytes + sentBytes;
    const isIdle = bytes - this.seenBytes <= MAX_IDLE_BYTES;
    this.seenBytes = bytes;
    this.looksSinceReport++;
    return !isIdle || streamCount !== this.reportedStreams || this.hasNewRoundTrip();
  }

  /** Returns the load, with the bytes that were not reported yet. */
  read(): TunnelReport {
    const { receivedBytes, sentBytes, streamCount, roundTripMs } = this.tunnel;
    return {
      id: this.id,
      streamCount,
      roundTripMs: roundTripMs > 0 ? roundTripMs : null,
      receivedBytes: receivedBytes - this.reportedReceived,
      sentBytes: sentBytes - this.reportedSent,
    };
  }

  /** Marks what `read` returned as reported. */
  settle({ receivedBytes, sentBytes, streamCount, roundTripMs }: TunnelReport): void {
    this.reportedReceived += receivedBytes;
    this.reportedSent += sentBytes;
    this.reportedStreams = streamCount;
    this.reportedRoundTripMs = roundTripMs ?? 0;
    this.looksSinceReport = 0;
  }

  /** Keeps the figures of now, and releases the tunnel. A report under way may still be settled. */
  finish(): void {
    const { receivedBytes, sentBytes, streamCount, roundTripMs } = this.tunnel;
    this.tunnel = { receivedBytes, sentBytes, streamCount, roundTripMs };
  }

  private hasNewRoundTrip(): boolean {
    const { roundTripMs } = this.tunnel;
    if (this.reportedRoundTripMs === 0) return roundTripMs > 0;
    if (this.looksSinceReport < IDLE_LOOKS) return false;
    const difference = Math.abs(roundTripMs - this.reportedRoundTripMs);
    return difference >= MIN_ROUND_TRIP_CHANGE_MS && difference >= this.reportedRoundTripMs / 2;
  }
}
