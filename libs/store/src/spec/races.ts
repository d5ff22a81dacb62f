/**
 * Races two operations of a team on Postgres, 200 times, each time in a team of its own and with their statements
 * interleaved differently. Whatever the order, the states of `INVARIANTS` must not be left behind.
 */
import { AuthorityLostError, scopesOfRole, TeamLimitError, type Role, type Store } from '@culvert/domain';
import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { openPool } from '../database/postgres-server.js';
import { storeOn } from '../store.js';
import type { CreateDatabase } from './databases.js';
import { INVARIANTS } from './race-invariants.js';
import type { Operation } from './race-operations.js';
import { createWorlds, shuffleStatements, type RaceWorld } from './race-worlds.js';

const INTERLEAVINGS = 200;
/** Pairs that run at the same time. Each of the two operations holds one connection. */
const AT_ONCE = 8;

/** Two operations that can race. */
export interface Pair {
  readonly name: string;
  readonly first: Operation;
  readonly second: Operation;
  /** The role of `person`. Default: admin. */
  readonly role?: Role;
  /** Finds what this pair in particular must not leave behind. Parameter: the teams. */
  readonly never?: string;
}

/** Creates a test for each pair, in a database of their own. */
export function describeRaces(name: string, createDatabase: CreateDatabase, pairs: readonly Pair[]): void {
  // A pair takes two seconds on a quiet machine. Other files share a busy one.
  describe(name, { timeout: 120_000 }, () => {
    let pool: Pool;
    let store: Store;
    let drop: () => Promise<void>;

    beforeAll(async () => {
      const database = await createDatabase(inject('databaseUrl'), inject('migratedDatabase'));
      pool = openPool({ connectionString: database.url, max: 2 * AT_ONCE });
      shuffleStatements(pool);
      store = storeOn({
        pool,
        backgroundPool: pool,
        exclusively: (work) => work(pool),
        close: () => pool.end(),
      });
      drop = () => database.drop();
    });
    afterAll(async () => {
      await store.close();
      await drop();
    });

    it.each(pairs)(
      'leave nothing behind that is forbidden: $name',
      async ({ first, second, role = 'admin', never }) => {
        const worlds = await createWorlds(pool, INTERLEAVINGS, { role, scopes: scopesOfRole(role) });
        await runAll(store, worlds, first, second);
        const teams = worlds.map(({ teamId }) => teamId);
        const wrong: string[] = [];
        for (const [what, sql] of Object.entries({
          ...INVARIANTS,
          ...(never && { 'what this pair forbids': never }),
        })) {
          const usesRoles = sql.includes('$2');
          const parameters = usesRoles ? [teams, scopesOfRole('member'), scopesOfRole('admin')] : [teams];
          const { rows } = await pool.query(sql, parameters);
          if (rows.length > 0) wrong.push(`${what}: in ${rows.length} of ${INTERLEAVINGS}`);
        }
        expect(wrong).toEqual([]);
      },
    );
  });
}

/** Runs both in each world, beginning with either in turn; several worlds at a time. */
async function runAll(
  store: Store,
  worlds: readonly RaceWorld[],
  first: Operation,
  second: Operation,
): Promise<void> {
  const left = worlds.entries();
  const work = async (): Promise<void> => {
    for (const [index, world] of left) {
      const both = index % 2 === 0 ? [first, second] : [second, first];
      await Promise.all(both.map((operation) => operation({ ...world, store }).catch(expectRefusal)));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** The loser of a race is refused. It must not fail otherwise: no deadlock, and no untranslated constraint violation. */
function expectRefusal(error: unknown): void {
  if (error instanceof AuthorityLostError || error instanceof TeamLimitError) return;
  throw error;
}
