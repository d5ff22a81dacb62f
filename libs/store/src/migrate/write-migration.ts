/**
 * `npm run db:migration -- <name>`: writes the migration from the state of prisma/migrations to prisma/schema.prisma. Needs
 * no database and no network.
 */
import { findPrismaFolder } from './migrations-folder.js';
import { writeMigration } from './next-migration.js';

const [name = '', ...rest] = process.argv.slice(2);
try {
  if (rest.length > 0) throw new Error('usage: npm run db:migration -- <name>');
  const folder = await writeMigration(findPrismaFolder(), name, new Date());
  print(folder ?? 'Nothing changed: the migrations already lead to prisma/schema.prisma.');
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
