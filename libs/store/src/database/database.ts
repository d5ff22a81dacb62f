import type { Pool } from 'pg';

/** A Postgres, embedded or on a server. */
export interface Database {
  /**
   * Pool for callers that wait. Bounded in connections and in time: no query takes longer than five seconds, waiting
   * included.
   */
  readonly pool: Pool;
  /** Pool for background work: statements may take longer, and take no connection from callers. May be `pool`. */
  readonly backgroundPool: Pool;
  /**
   * Runs `work` while no other process runs such work on this database, on a pool of one connection without a time limit.
   */
  exclusively<T>(work: (pool: Pool) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
