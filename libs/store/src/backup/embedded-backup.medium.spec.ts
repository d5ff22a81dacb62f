import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../database/database.js';
import { openEmbedded } from '../database/embedded-postgres.js';
import { migrate } from '../migrate/migrate.js';
import { findPrismaFolder } from '../migrate/migrations-folder.js';
import { BackupError } from './backup-error.js';
import { replaceEmbedded, snapshotEmbedded } from './embedded-backup.js';

let folder: string;
let dataDir: string;
let database: Database;
let missing: string;

/** A database whose schema lacks the last migration. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'culvert-test-'));
  dataDir = join(folder, 'data');
  const prisma = join(folder, 'prisma');
  await cp(findPrismaFolder(), prisma, { recursive: true });
  const names = (await readdir(join(prisma, 'migrations'))).filter((name) => !name.endsWith('.toml'));
  missing = names.toSorted().at(-1)!;
  await rm(join(prisma, 'migrations', missing), { recursive: true });
  database = await openEmbedded(dataDir);
  await migrate(database, prisma);
  await database.pool.query('CREATE TABLE kept (n int)');
});
afterAll(async () => {
  await database.close();
  await rm(folder, { recursive: true, force: true });
});

const count = async (): Promise<number> => {
  const { rows } = await database.pool.query<{ n: string }>('SELECT count(*) AS n FROM kept');
  return Number(rows[0].n);
};

describe('a copy of an embedded database that is open', () => {
  it('has everything that was committed before, nothing that came after, and ends when it is released', async () => {
    await database.pool.query('INSERT INTO kept SELECT generate_series(1, 1000)');
    const { snapshot, release } = await snapshotEmbedded(dataDir);
    await database.pool.query('INSERT INTO kept VALUES (0)');
    const target = join(folder, 'copied');
    const copy = (to: string) => cp(join(snapshot.folder, 'postgres'), to, { recursive: true });
    const applied = await replaceEmbedded(target, copy, { force: false });
    await release();
    // The backup was of the older schema.
    expect(snapshot.migrations).not.toContain(missing);
    expect(applied).toEqual([missing]);
    const restored = await openEmbedded(target);
    const { rows } = await restored.pool.query<{ n: string }>('SELECT count(*) AS n FROM kept');
    await restored.close();
    expect([Number(rows[0].n), await count()]).toEqual([1000, 1001]);
    await expect.poll(() => existsSync(snapshot.folder)).toBe(false);
    expect((await readdir(target)).toSorted()).toEqual(['postgres']);
  });

  it('is made one at a time, without waiting queries being lost', async () => {
    const before = await count();
    const first = await snapshotEmbedded(dataDir);
    await expect(snapshotEmbedded(dataDir)).rejects.toThrow('another backup is running');
    await Promise.all(Array.from({ length: 20 }, () => database.pool.query('INSERT INTO kept VALUES (1)')));
    await first.release();
    await expect.poll(() => existsSync(first.snapshot.folder)).toBe(false);
    expect(await count()).toBe(before + 20);
  });
});

describe('a replacement of an embedded database', () => {
  it('leaves the database from before when it fails', async () => {
    const target = join(folder, 'failing');
    await mkdir(join(target, 'postgres'), { recursive: true });
    const fail = () => Promise.reject(new BackupError('the archive is damaged'));
    await expect(replaceEmbedded(target, fail, { force: true })).rejects.toThrow('the archive is damaged');
    await expect(replaceEmbedded(target, fail, { force: false })).rejects.toThrow('--force replaces it');
    expect(await readdir(target)).toEqual(['postgres']);
  });
});

describe('the folder of data', () => {
  it('without a database has no backup', async () => {
    await expect(snapshotEmbedded(join(folder, 'nothing'))).rejects.toThrow('contains no database');
    expect(existsSync(join(folder, 'nothing'))).toBe(false);
  });
});
