import type { LingerLimits } from '../limits.js';

/**
 * How long, and how much, a connection is read after its last response. A visitor that is still sending, and reads only
 * when it has sent everything, would not get that response if the connection were closed under its upload
 * (RFC 9112 §9.6). What is read is dropped. Three limits cut off a visitor that never stops sending.
 */
export class Lingering {
  private bytesLeft: number;
  private heardAt = 0;
  /** 0 until the response has left this process. */
  private endsAt = 0;

  constructor(private readonly limits: LingerLimits) {
    this.bytesLeft = limits.maxBytes;
  }

  /** Counts bytes that were read. Returns false when they are more than the limit. */
  drop(bytes: number, now: number): boolean {
    this.heardAt = now;
    this.bytesLeft -= bytes;
    return this.bytesLeft >= 0;
  }

  /** Reports whether the time is up. Called with the relay's clock once the response has left this process. */
  isOver(now: number): boolean {
    if (this.endsAt === 0) {
      this.endsAt = now + this.limits.maxMs;
      this.heardAt = now;
    }
    return now >= this.endsAt || now - this.heardAt > this.limits.idleMs;
  }
}
