/** Counts the frames of a peer that cost work and carry nothing. */
import { RateWindow } from '@culvert/flow';
import { calm } from '../frames/errors.js';
import { MAX_EMPTY_DATA, NOISE_PER_FRAME, RATE_WINDOW_MS } from './limits.js';

export interface PeerRateLimits {
  /** PING and SETTINGS frames per `RATE_WINDOW_MS`, but for one PING after sent DATA. */
  readonly maxControlFrames: number;
  /** Other frames that carry nothing, per `RATE_WINDOW_MS`. */
  readonly maxNoiseFrames: number;
}

export class PeerRates {
  private readonly controls: RateWindow;
  private readonly noise: RateWindow;
  private readonly emptyData = new RateWindow(MAX_EMPTY_DATA, RATE_WINDOW_MS);
  /**
   * Whether DATA was sent since the last PING came. Peers such as grpc-go measure bandwidth with a PING for DATA that
   * arrives, and send the next one for DATA that arrives after the answer: so each PING follows DATA of this side.
   */
  private isPingEarned = false;

  /** @param clock gives milliseconds, monotonic */
  constructor(
    { maxControlFrames, maxNoiseFrames }: PeerRateLimits,
    private readonly clock: { now(): number },
  ) {
    this.controls = new RateWindow(maxControlFrames, RATE_WINDOW_MS);
    this.noise = new RateWindow(maxNoiseFrames, RATE_WINDOW_MS);
  }

  /** Notes that a message or DATA with bytes arrived, which allows the peer some frames without content. */
  noteContent(): void {
    this.noise.forgive(NOISE_PER_FRAME);
  }

  /** Notes that DATA was sent, which the peer may answer with WINDOW_UPDATE and a PING. */
  noteSentData(): void {
    this.noise.forgive(NOISE_PER_FRAME);
    this.isPingEarned = true;
  }

  /** Counts SETTINGS, or the answer to a PING. Throws Http2Error above the limit, as all methods here do. */
  countControl(): void {
    if (this.controls.exceeds(this.clock.now())) throw calm('too many control frames');
  }

  /** Counts a PING that has to be answered. */
  countPing(): void {
    if (this.isPingEarned) this.isPingEarned = false;
    else this.countControl();
  }

  /** Counts a frame without content. */
  countNoise(): void {
    if (this.noise.exceeds(this.clock.now())) throw calm('too many frames without content');
  }

  /** Counts DATA that has no bytes and does not end its stream. */
  countEmptyData(): void {
    if (this.emptyData.exceeds(this.clock.now())) throw calm('empty DATA');
  }
}
