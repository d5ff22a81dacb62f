import { Client, Pool, type PoolConfig } from 'pg';
import { boundedClient } from './bounded-client.js';
import type { Database } from './database.js';

/** Connections of one process for requests of callers. It has two more for work in the background. */
export const DEFAULT_POOL_SIZE = 10;

interface PoolLimits {
  readonly connections: number;
  /** Limit of waiting for a connection of the pool. */
  readonly waitMs: number;
  /** Limit for opening a connection. */
  readonly connectMs: number;
  /** The server's own limit for a statement, including waits for locks. */
  readonly statementMs: number;
  /** Exceeds the server's own limit: it ends the wait for a server that no longer answers at all. */
  readonly answerMs: number;
}

/** Callers get an answer within five seconds, even if only a 503: waiting, connecting, or a stalled server included. */
const FOR_CALLERS: PoolLimits = {
  connections: DEFAULT_POOL_SIZE,
  waitMs: 2_500,
  connectMs: 1_500,
  statementMs: 3_500,
  answerMs: 4_000,
};
const IN_BACKGROUND: PoolLimits = {
  connections: 2,
  waitMs: 30_000,
  connectMs: 10_000,
  statementMs: 60_000,
  answerMs: 70_000,
};

const CONNECT_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 30_000;
/** How long to wait for another process that migrates the same database. */
const MIGRATION_LOCK_TIMEOUT_MS = 120_000;
/** Two keys of our own: Prisma's engine locks with one. */
const MIGRATION_LOCK = [4_702, 1] as const;

/** A Postgres server. It connects with the first query, so a wrong address shows only then. */
export function connectServer(databaseUrl: string, poolSize = DEFAULT_POOL_SIZE): Database {
  const shared = {
    connectionString: databaseUrl,
    application_name: 'culvert',
    keepAlive: true,
  };
  const bounded = ({ connections, waitMs, connectMs, statementMs, answerMs }: PoolLimits): Pool =>
    openPool({
      ...shared,
      Client: boundedClient({ connectMs, answerMs }),
      max: connections,
      connectionTimeoutMillis: waitMs,
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
      statement_timeout: statementMs,
    });
  const pool = bounded({ ...FOR_CALLERS, connections: poolSize });
  const backgroundPool = bounded(IN_BACKGROUND);
  return {
    pool,
    backgroundPool,
    async exclusively(work) {
      const patient = { ...shared, connectionTimeoutMillis: CONNECT_TIMEOUT_MS };
      const workPool = openPool({ ...patient, max: 1 });
      const holder = new Client(patient);
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
    async close() {
      await Promise.all([pool.end(), backgroundPool.end()]);
    },
  };
}

/** Returns a pool that survives the connections it loses. */
export function openPool(config: PoolConfig): Pool {
  const pool = new Pool(config);
  // The next query replaces a connection that breaks while idle. Without a listener it would end the process.
  pool.on('error', () => {});
  return pool;
}
