import {
  type Dialer,
  type PoolLimits,
  type PooledStream,
  StreamPool,
  type StreamPoolHost,
} from './stream-pool.js';

/**
 * The pools of all routes. A tunnel carries the streams of many routes, so an idle stream of one route may keep a request
 * of another waiting: the pools make room for each other here.
 */
export class StreamPools implements StreamPoolHost {
  private readonly withIdle = new Set<StreamPool>();

  /** Makes the pool of one route. */
  open(dialer: Dialer, limits?: PoolLimits): StreamPool {
    return new StreamPool(dialer, this, limits);
  }

  /** How many pools hold idle streams, as of the last sweep. */
  get idleCount(): number {
    return this.withIdle.size;
  }

  /** Closes the idle streams that no request would use, in all pools. Called at each sweep of a relay. */
  sweep(now: number): void {
    for (const pool of this.withIdle) if (!pool.sweep(now)) this.withIdle.delete(pool);
  }

  // --- For pools ------------------------------------------------------------------------------------------

  noteIdle(pool: StreamPool): void {
    this.withIdle.add(pool);
  }

  closeOneIdle(dialer: Dialer): PooledStream | undefined {
    for (const pool of this.withIdle) {
      const closed = pool.closeOldest(dialer);
      if (closed !== undefined) return closed;
    }
    return undefined;
  }
}
