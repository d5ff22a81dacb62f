import type { Database } from './database.js';
import { connectServer } from './postgres-server.js';

/** Location of the data: a server if there is a URL, else embedded in `dataDir` (`memory`: not stored). */
export interface DatabaseLocation {
  readonly databaseUrl?: string | undefined;
  readonly dataDir: string;
  /** Maximum number of connections to a server for requests of callers. Default: `DEFAULT_POOL_SIZE`. */
  readonly poolSize?: number | undefined;
}

/** @param readCluster initial content of a new embedded database; absent: empty */
export async function openDatabase(
  { databaseUrl, dataDir, poolSize }: DatabaseLocation,
  readCluster?: () => Promise<Blob | null>,
): Promise<Database> {
  if (databaseUrl !== undefined) return connectServer(databaseUrl, poolSize);
  // Loaded only if used: it contains a whole Postgres.
  const { openEmbedded } = await import('./embedded-postgres.js');
  return openEmbedded(dataDir, readCluster);
}
