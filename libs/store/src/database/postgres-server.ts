import { Client, Pool, type PoolConfig } from 'pg';
import type { Database } from './database.js';

const MAX_CONNECTIONS = 10;
const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 15_000;
/** Longer than the server's own limit: it ends the wait for a server that no longer answers at all. */
const QUERY_TIMEOUT_MS = 20_000;
const IDLE_TIMEOUT_MS = 30_000;
/** How long to wait for another process that migrates the same database. */
const MIGRATION_LOCK_TIMEOUT_MS = 120_000;
/** Two keys of our own: Prisma's engine takes a lock with one. */
const MIGRATION_LOCK = [4_702, 1] as const;

/** A Postgres server. Connects with the first query, so a wrong address is known only then. */
export function connectServer(databaseUrl: string): Database {
  const shared = {
    connectionString: databaseUrl,
    application_name: 'culvert',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  };
  const pool = openPool({
    ...shared,
    max: MAX_CONNECTIONS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
  });
  return {
    pool,
    async exclusively(work) {
      const workPool = openPool({ ...shared, max: 1 });
      const holder = new Client(shared);
      // A lost connection also loses the lock; the work notices by its own connection.
      holder.on('error', () => {});
      try {
        await holder.connect();
        await holder.query(`SET lock_timeout = ${MIGRATION_LOCK_TIMEOUT_MS}`);
        await holder.query('SELECT pg_advisory_lock($1, $2)', [...MIGRATION_LOCK]);
        return await work(workPool);
      } finally {
        // The lock ends with its connection.
        await Promise.allSettled([workPool.end(), holder.end()]);
      }
    },
    close: () => pool.end(),
  };
}

function openPool(config: PoolConfig): Pool {
  const pool = new Pool(config);
  // A connection that breaks while idle is replaced by the next query. Without a listener it would end the process.
  pool.on('error', () => {});
  return pool;
}
