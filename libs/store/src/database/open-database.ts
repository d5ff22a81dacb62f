import type { Database } from './database.js';
import { connectServer } from './postgres-server.js';

/** Where the data is: a server when there is a URL, else embedded in `dataDir` (`memory`: nowhere). */
export interface DatabaseLocation {
  readonly databaseUrl?: string | undefined;
  readonly dataDir: string;
}

/** @param readCluster what a new embedded database begins as; absent: it is empty */
export async function openDatabase(
  { databaseUrl, dataDir }: DatabaseLocation,
  readCluster?: () => Promise<Blob | null>,
): Promise<Database> {
  if (databaseUrl !== undefined) return connectServer(databaseUrl);
  // Loaded only where it is used: it brings a whole Postgres.
  const { openEmbedded } = await import('./embedded-postgres.js');
  return openEmbedded(dataDir, readCluster);
}
