import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Migration {
  /** `<UTC timestamp>_<name>`: the name of its folder, which determines the order. */
  readonly name: string;
  readonly script: string;
  /** SHA-256 of the script, lower-case hex, as Prisma records it. */
  readonly checksum: string;
}

/** The `prisma` folder: above this file, both in dist/ and in the sources. */
export function findPrismaFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'prisma', 'schema.prisma'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('there is no prisma/schema.prisma above the program');
    folder = parent;
  }
  return join(folder, 'prisma');
}

/** Returns the migrations in the order in which they apply. */
export async function readMigrations(prismaFolder: string): Promise<Migration[]> {
  const entries = await readdir(join(prismaFolder, 'migrations'), { withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted();
  return Promise.all(
    names.map(async (name) => {
      const script = await readFile(join(prismaFolder, 'migrations', name, 'migration.sql'), 'utf8');
      return { name, script, checksum: createHash('sha256').update(script).digest('hex') };
    }),
  );
}
