/** Errors that show that the database cannot be reached now, as Prisma, pg and Postgres report them. */
import { StoreUnavailableError } from '@culvert/domain';

/** Prisma: not reached, timed out, closed, no free connection in time, a transaction not begun or not ended in time. */
const PRISMA_CODES = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2037']);

/** Sockets. */
const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
]);

/**
 * SQLSTATE: a failed connection (08), too many of them (53300), a lock that was not free in time (55P03), a statement that
 * took too long (57014), and a server that stops, crashed or starts (57P01, 57P02, 57P03).
 */
const SQLSTATE = /^(?:08\w{3}|53300|55P03|57014|57P0[123])$/;

/** pg, which gives these errors no code. */
const MESSAGE =
  /timeout exceeded when trying to connect|Connection terminated|timeout expired|is not queryable|Query read timeout/;

const MAX_DEPTH = 8;

/** Reports whether the database could not be reached, or did not answer in time: a retry may succeed a moment later. */
export function isUnavailable(error: unknown, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > MAX_DEPTH) return false;
  const { code, originalCode, message, cause, meta, errors } = error as Record<string, unknown>;
  for (const given of [code, originalCode]) {
    if (typeof given !== 'string') continue;
    if (PRISMA_CODES.has(given) || SOCKET_CODES.has(given) || SQLSTATE.test(given)) return true;
  }
  if (error instanceof Error && typeof message === 'string' && MESSAGE.test(message)) return true;
  const deeper = [cause, (meta as Record<string, unknown> | undefined)?.['driverAdapterError']];
  if (Array.isArray(errors)) deeper.push(...errors);
  return deeper.some((inner) => isUnavailable(inner, depth + 1));
}

/**
 * Throws StoreUnavailableError in place of an error that shows that the database cannot be reached, and any other error
 * unchanged.
 */
export function rethrow(error: unknown): never {
  if (error instanceof StoreUnavailableError || !isUnavailable(error)) throw error;
  throw new StoreUnavailableError({ cause: error });
}
