/**
 * How grpc-go finds the size of its windows, in clients and servers of every version: each DATA frame that arrives while
 * no PING is in flight is followed by one, and the bytes that arrive until the answer are about what the way holds.
 */
import type { Http2Session } from 'node:http2';

/** The window that a connection and each of its streams begin with. */
const FIRST_WINDOW_BYTES = 65_535;

/** Once windows are this large, nothing is measured. */
const MAX_WINDOW_BYTES = 16 * 1024 * 1024;

/** Round trips whose mean is the first estimate. Later each one counts for nine tenths. */
const MEAN_OF = 10;
const WEIGHT = 0.9;

/** Share of the window that a sample has to fill before the window grows. */
const FULL = 0.66;

const PAYLOAD = Buffer.from('bdp-ping');

export class BandwidthProbe {
  /** PINGs sent. */
  pings = 0;
  private windowBytes = FIRST_WINDOW_BYTES;
  private isPinging = false;
  private sampleBytes = 0;
  private roundTripMs = 0;
  private highestRate = 0;

  constructor(private readonly session: Http2Session) {}

  /** DATA has arrived, on whichever stream. */
  receive(bytes: number): void {
    this.sampleBytes += bytes;
    if (this.isPinging || this.windowBytes === MAX_WINDOW_BYTES || this.session.destroyed) return;
    this.isPinging = true;
    this.sampleBytes = bytes;
    this.pings += 1;
    // Each PING comes after a WINDOW_UPDATE of the connection, so that peers do not take it for one of a flood.
    this.session.setLocalWindowSize(this.windowBytes + this.pings);
    this.session.ping(PAYLOAD, (error, roundTripMs) => {
      if (error === null) this.finish(roundTripMs);
    });
  }

  private finish(roundTripMs: number): void {
    this.isPinging = false;
    const weight = this.pings < MEAN_OF ? 1 / this.pings : WEIGHT;
    this.roundTripMs += (roundTripMs - this.roundTripMs) * weight;
    const rate = this.sampleBytes / (1.5 * this.roundTripMs);
    const isHighest = rate > this.highestRate;
    if (isHighest) this.highestRate = rate;
    if (isHighest && this.sampleBytes >= FULL * this.windowBytes) this.grow();
  }

  private grow(): void {
    this.windowBytes = Math.min(2 * this.sampleBytes, MAX_WINDOW_BYTES);
    if (this.session.destroyed) return;
    this.session.setLocalWindowSize(this.windowBytes + this.pings);
    this.session.settings({ initialWindowSize: this.windowBytes });
  }
}
