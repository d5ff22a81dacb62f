import { randomBytes } from 'node:crypto';
import { Client } from 'pg';

export interface TestDatabase {
  readonly url: string;
  /** Removes it, even if clients are connected. */
  drop(): Promise<void>;
}

/**
 * Creates a database: empty, or a copy.
 * @param serverUrl of a database on the same server, with a user who may create databases: `inject('databaseUrl')`
 * @param original name of the one to copy, which must have no connections: `inject('migratedDatabase')`
 */
export async function createTestDatabase(serverUrl: string, original?: string): Promise<TestDatabase> {
  const name = `culvert_test_${randomBytes(8).toString('hex')}`;
  await query(serverUrl, `CREATE DATABASE ${name}${original === undefined ? '' : ` TEMPLATE ${original}`}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => query(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

async function query(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 30_000 });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
