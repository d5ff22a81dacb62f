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
    for (const name of applied) print(`Applied ${name}`);
    if (applied.length === 0) print('Nothing to apply: the database is up to date.');
  } finally {
    await database.close();
  }
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
