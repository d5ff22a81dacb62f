import type { Pool } from 'pg';

/** A Postgres, wherever it runs. */
export interface Database {
  /** For what a caller waits for. Bounded, and bounded in time: no query takes longer than five seconds, waiting included. */
  readonly pool: Pool;
  /** For work that no caller waits for: statements may take longer, and take no connection from callers. May be `pool`. */
  readonly backgroundPool: Pool;
  /**
   * Runs `work` while no other process runs such work on this database, on a pool of one connection without a
   * limit of time.
   */
  exclusively<T>(work: (pool: Pool) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
