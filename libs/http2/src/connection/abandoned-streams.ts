import { ABANDONED_ALLOWANCE_BYTES, EMPTY_FRAME_BYTES, MAX_ABANDONED } from './limits.js';
import type { PeerRates } from './peer-rates.js';

/**
 * Streams that ended here before the peer's side did: frames for them may be on their way. The oldest are forgotten.
 *
 * Bytes that the peer may have sent before it learned of the end are not counted, however many streams end early: users cancel requests,
 * and the connection is shared. Frames beyond that count as frames without content.
 */
export class AbandonedStreams {
  /** Bytes that are still free, by stream. */
  private readonly credits = new Map<number, number>();

  constructor(private readonly rates: PeerRates) {}

  get size(): number {
    return this.credits.size;
  }

  has(streamId: number): boolean {
    return this.credits.has(streamId);
  }

  /** @param creditBytes DATA that the peer may still send on it; less than 0 when it has overrun its window */
  add(streamId: number, creditBytes: number): void {
    this.credits.set(streamId, Math.max(creditBytes, 0) + ABANDONED_ALLOWANCE_BYTES);
    if (this.credits.size <= MAX_ABANDONED) return;
    for (const oldest of this.credits.keys()) {
      this.credits.delete(oldest);
      return;
    }
  }

  /**
   * Counts a frame for a closed stream. Throws Http2Error when too many exceed the allowance of their streams.
   * @param dataBytes length of DATA, padding included; 0 for a field block
   */
  count(streamId: number, dataBytes: number): void {
    const left = (this.credits.get(streamId) ?? 0) - (dataBytes || EMPTY_FRAME_BYTES);
    if (left < 0) this.rates.countNoise();
    else this.credits.set(streamId, left);
  }

  /** Counts RST_STREAM for a closed stream, except the first one. Later frames all count. Throws as `count`. */
  countReset(streamId: number): void {
    if (!this.settle(streamId)) this.rates.countNoise();
  }

  /** Records that the peer has reset the stream: from now on every frame for it counts. Returns false when its allowance was used up already. */
  settle(streamId: number): boolean {
    const left = this.credits.get(streamId) ?? 0;
    if (left === 0) return false;
    this.credits.set(streamId, 0);
    return true;
  }

  clear(): void {
    this.credits.clear();
  }
}
