import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { cpuMicroseconds } from './cpu.js';

const REPORT_MS = 1_500;

/** What a process and its servers did. */
export interface ServerLoad {
  readonly redisCommands: number;
  /** The commands of Redis by name, most frequent first. */
  readonly byCommand: string;
  /** Every statement outside of a transaction block is a transaction. */
  readonly transactions: number;
  readonly rowsWritten: number;
  readonly cpuMs: number;
  /** CPU of the processes of Postgres that serve the database; 0 if they are not on this machine. */
  readonly postgresCpuMs: number;
}

/**
 * Measures what a process that has its Redis and its database to itself does while `run` runs.
 * @param options.units that all figures are divided by, such as the seconds or changes
 */
export async function measureLoad(
  options: {
    readonly pid: number;
    readonly redisUrl: string;
    readonly databaseUrl: string;
    readonly units: number;
  },
  run: () => Promise<void>,
): Promise<ServerLoad> {
  const { pid, redisUrl, databaseUrl, units } = options;
  const redis = new Redis(redisUrl);
  const own = new URL(databaseUrl);
  const database = own.pathname.slice(1);
  // From another database, so that the reading is not counted.
  own.pathname = '/postgres';
  const postgres = new Client({ connectionString: own.href });
  await postgres.connect();
  const read = async () => ({
    cpu: cpuMicroseconds([pid]),
    backends: await cpuOfBackends(postgres, database),
    commands: commandsOf(await redis.info('commandstats')),
    ...(await transactionsOf(postgres, database)),
  });
  try {
    const before = await read();
    await run();
    // A process of Postgres reports what it did after up to a second.
    await delay(REPORT_MS);
    const after = await read();
    const rates = [...after.commands]
      .map(([name, calls]) => ({ name, rate: (calls - (before.commands.get(name) ?? 0)) / units }))
      .filter(({ name, rate }) => name !== 'info' && rate > 0)
      .toSorted((a, b) => b.rate - a.rate);
    return {
      redisCommands: rates.reduce((sum, { rate }) => sum + rate, 0),
      byCommand: rates.map(({ name, rate }) => `${name} ${rate.toFixed(1)}`).join(', '),
      transactions: (after.transactions - before.transactions) / units,
      rowsWritten: (after.rowsWritten - before.rowsWritten) / units,
      cpuMs: (after.cpu - before.cpu) / 1_000 / units,
      postgresCpuMs:
        [...after.backends].reduce((sum, [id, cpu]) => sum + cpu - (before.backends.get(id) ?? 0), 0) /
        1_000 /
        units,
    };
  } finally {
    redis.disconnect();
    await postgres.end();
  }
}

async function cpuOfBackends(postgres: Client, database: string): Promise<Map<number, number>> {
  const { rows } = await postgres.query<{ pid: number }>(
    'SELECT pid FROM pg_stat_activity WHERE datname = $1',
    [database],
  );
  const found = new Map<number, number>();
  for (const { pid } of rows) if (existsSync(`/proc/${pid}/stat`)) found.set(pid, cpuMicroseconds([pid]));
  return found;
}

function commandsOf(info: string): Map<string, number> {
  return new Map(
    [...info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name, calls]) => [name, Number(calls)]),
  );
}

async function transactionsOf(
  postgres: Client,
  database: string,
): Promise<{ readonly transactions: number; readonly rowsWritten: number }> {
  const { rows } = await postgres.query<Record<string, string>>(
    `SELECT xact_commit + xact_rollback AS transactions, tup_inserted + tup_updated + tup_deleted AS written
       FROM pg_stat_database WHERE datname = $1`,
    [database],
  );
  return { transactions: Number(rows[0]['transactions']), rowsWritten: Number(rows[0]['written']) };
}
