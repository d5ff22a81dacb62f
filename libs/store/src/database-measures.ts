import { StoreUnavailableError } from '@culvert/domain';
import { Histogram } from '@culvert/measure';
import type { Pool } from 'pg';

const POOLS = ['callers', 'background'] as const;
export type PoolName = (typeof POOLS)[number];

/** What a process measures of its database. */
export class DatabaseMeasures {
  /** Times of queries, waiting for a connection included. */
  readonly queries = new Histogram([
    { name: 'pool', values: POOLS },
    { name: 'outcome', values: ['ok', 'failed', 'unavailable'] },
  ]);
  private readonly pools = new Map<PoolName, Pool>();

  /** Shows the connections of `pool` from now on. */
  watch(name: PoolName, pool: Pool): void {
    this.pools.set(name, pool);
  }

  /** Runs a query, and measures it. */
  async measure<T>(pool: PoolName, query: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      const result = await query();
      this.queries.observeAs([pool, 'ok'], performance.now() - began);
      return result;
    } catch (error) {
      const outcome = error instanceof StoreUnavailableError ? 'unavailable' : 'failed';
      this.queries.observeAs([pool, outcome], performance.now() - began);
      throw error;
    }
  }

  /** Returns the connections of each pool by state. */
  *connections(): Generator<[values: readonly string[], count: number]> {
    for (const [name, { totalCount, idleCount }] of this.pools) {
      yield [[name, 'busy'], totalCount - idleCount];
      yield [[name, 'idle'], idleCount];
    }
  }

  /** Returns how many queries of each pool wait for a connection. */
  *waiting(): Generator<[values: readonly string[], count: number]> {
    for (const [name, { waitingCount }] of this.pools) yield [[name], waitingCount];
  }
}
