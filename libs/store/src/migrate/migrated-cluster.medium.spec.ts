import { appendFile, cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openEmbedded } from '../database/embedded-postgres.js';
import { migrate } from './migrate.js';
import { readMigratedCluster, writeMigratedCluster } from './migrated-cluster.js';
import { findPrismaFolder } from './migrations-folder.js';

let root: string;
let prismaFolder: string;
let beforeBuild: Blob | null;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'culvert-cluster-'));
  prismaFolder = join(root, 'prisma');
  await cp(findPrismaFolder(), prismaFolder, { recursive: true });
  beforeBuild = await readMigratedCluster(prismaFolder);
  await writeMigratedCluster(prismaFolder);
});
afterAll(() => rm(root, { recursive: true, force: true }));

test('readMigratedCluster returns null without a build, and a first start creates its own', () => {
  expect(beforeBuild).toBeNull();
});

test.each(['memory', 'directory'])('a new database in %s begins with the current schema', async (kind) => {
  const dataDir = kind === 'memory' ? kind : join(root, 'data');
  const database = await openEmbedded(dataDir, () => readMigratedCluster(prismaFolder));
  try {
    expect(await migrate(database, prismaFolder)).toEqual([]);
    const { rows } = await database.pool.query('SELECT count(*)::int AS teams FROM team');
    expect(rows).toEqual([{ teams: 0 }]);
  } finally {
    await database.close();
  }
});

test('readMigratedCluster ignores a cluster made for other migrations', async () => {
  const first = join(prismaFolder, 'migrations', '20261120224716_init', 'migration.sql');
  await appendFile(first, '-- edited\n');
  expect(await readMigratedCluster(prismaFolder)).toBeNull();
});
