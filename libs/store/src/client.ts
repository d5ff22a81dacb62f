import { PrismaPg } from '@prisma/adapter-pg';
import { InvalidTextError } from '@culvert/domain';
import type { Pool } from 'pg';
import { Prisma, PrismaClient } from './generated/client.js';
import { assertStorable } from './text.js';
import { rethrow } from './unavailable.js';

// Embedded Postgres has one connection, so a transaction may have to wait for those before it.
const TRANSACTION_LIMITS = { maxWait: 10_000, timeout: 10_000 };

/**
 * Creates a Prisma client on `pool`, which the caller closes. It rejects text that Postgres cannot hold, and rejects with
 * StoreUnavailableError if the database cannot be reached.
 * @param measure runs a query, and measures it
 */
export function createClient(pool: Pool, measure: MeasureQuery = (query) => query()) {
  const client = extendedClient(pool, measure);
  const transaction = client.$transaction.bind(client) as (...given: unknown[]) => Promise<unknown>;
  // Statements that begin and end a transaction bypass extensions.
  return Object.create(client, {
    $transaction: { value: (...given: unknown[]) => transaction(...given).catch(rethrow) },
  }) as typeof client;
}

/** Runs a query whose time it measures. */
type MeasureQuery = <T>(query: () => Promise<T>) => Promise<T>;

function extendedClient(pool: Pool, measure: MeasureQuery) {
  return new PrismaClient({
    adapter: new PrismaPg(pool),
    transactionOptions: TRANSACTION_LIMITS,
    // Errors are thrown, and the caller that knows the operation logs them.
    log: [],
    errorFormat: 'minimal',
  }).$extends({
    query: {
      async $allOperations({ args, query }) {
        assertStorable(args);
        return measure(async () => {
          try {
            return await query(args);
          } catch (error) {
            if (hasCode(error, 'P2000')) throw new InvalidTextError({ cause: error });
            return rethrow(error);
          }
        });
      },
    },
  });
}

export type Client = ReturnType<typeof createClient>;
/** The same within a transaction. */
export type TransactionClient = Parameters<Parameters<Client['$transaction']>[0]>[0];

/** P2002: a row with the same unique value exists. P2010: a statement of our own is wrong. */
export function isUniqueViolation(error: unknown): boolean {
  return hasCode(error, 'P2002') || (hasCode(error, 'P2010') && sqlStateOf(error) === '23505');
}

function sqlStateOf({ meta }: Prisma.PrismaClientKnownRequestError): unknown {
  const { cause } = (meta?.['driverAdapterError'] ?? {}) as { cause?: { originalCode?: unknown } };
  return cause?.originalCode;
}

/** P2003: the row that a key refers to does not exist. */
export function isForeignKeyViolation(error: unknown): boolean {
  return hasCode(error, 'P2003');
}

function hasCode(error: unknown, code: string): error is Prisma.PrismaClientKnownRequestError {
  return error instanceof Prisma.PrismaClientKnownRequestError && error.code === code;
}
