/** `npm run db:apply`: brings the database of DATABASE_URL, or the embedded one in DATA_DIR, to the current schema. */
import { openDatabase } from '../database/open-database.js';
import { migrate } from './migrate.js';

const DEFAULT_DATA_DIR = '.culvert';

try {
  const database = await openDatabase({
    databaseUrl: process.env['DATABASE_URL'] || undefined,
    dataDir: process.env['DATA_DIR'] || DEFAULT_DATA_DIR,
  });
  try {
    const applied = await migrate(database);
    for (const name of applied) console.log(`Applied ${name}`);
    if (applied.length === 0) console.log('Nothing to apply: the database is up to date.');
  } finally {
    await database.close();
  }
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
