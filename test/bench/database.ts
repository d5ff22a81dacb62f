import { createTestDatabase } from '@culvert/testkit';
import { startPostgres } from '../services/postgres.js';
import type { Scope } from './scope.js';

/** Returns the URL of a new database on a server: the embedded one would be part of the measured edge. */
export async function startDatabase(scope: Scope): Promise<string> {
  const server = scope.keep(await startPostgres());
  const database = await createTestDatabase(server.url);
  scope.keep({ stop: () => database.drop() });
  return database.url;
}
