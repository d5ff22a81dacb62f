import type { Pool } from 'pg';

/** A Postgres, wherever it runs. */
export interface Database {
  /** For all queries. Bounded, and bounded in time. */
  readonly pool: Pool;
  /**
   * Runs `work` while no other process runs such work on this database, on a pool of one connection without a
   * limit of time.
   */
  exclusively<T>(work: (pool: Pool) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
