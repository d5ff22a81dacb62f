/**
 * How grpc-go finds the size of its windows, in clients and servers of every version: each DATA frame that arrives while no
 * PING is in flight triggers one, and the bytes that arrive until the answer approximate the capacity of the path.
 */
import type { Http2Session } from 'node:http2';

/** The initial window of a connection and each of its streams. */
const FIRST_WINDOW_BYTES = 65_535;

/** Windows of this size are not measured further. */
const MAX_WINDOW_BYTES = 16 * 1024 * 1024;

/** Round trips whose mean is the first estimate. Later each one counts for nine tenths. */
const MEAN_OF = 10;
const WEIGHT = 0.9;

/** Share of the window that a sample must fill before the window grows. */
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

  /** Handles DATA on any stream. */
  receive(bytes: number): void {
    this.sampleBytes += bytes;
    if (this.isPinging || this.windowBytes === MAX_WINDOW_BYTES || this.session.destroyed) return;
    this.isPinging = true;
    this.sampleBytes = bytes;
    this.pings += 1;
    // Each PING follows a WINDOW_UPDATE of the connection, so that peers do not count it as part of a flood.
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
