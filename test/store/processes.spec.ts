import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { createStore } from '@culvert/store';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { createTestDatabase } from '@culvert/testkit';
import { startProgram, type Program } from '../support/process.js';

const APPLY = 'libs/store/src/migrate/apply-migrations.js';
const WRITE = 'libs/store/src/migrate/write-migration.js';
const HOLD = 'test/store/hold-store.js';
const MIGRATIONS = fileURLToPath(new URL('../../prisma/migrations/', import.meta.url));

let dataDir: string;
let migrations: string[];
let programs: Program[];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'culvert-data-'));
  migrations = (await readdir(MIGRATIONS)).filter((name) => !name.endsWith('.toml')).toSorted();
  programs = [];
});
afterEach(async () => {
  for (const program of programs) program.kill('SIGKILL');
  await Promise.all(programs.map(({ exited }) => exited));
  await rm(dataDir, { recursive: true, force: true });
});

describe('processes that start on one database at once', () => {
  it('apply each migration once between them', async () => {
    const { url, drop } = await createTestDatabase(inject('databaseUrl'));
    try {
      const starts = [1, 2, 3].map(() => start(APPLY, { DATABASE_URL: url }));
      const ends = await Promise.all(starts.map(({ exited }) => exited));
      expect(ends.map(({ code }) => code)).toEqual([0, 0, 0]);
      const lines = starts.flatMap(({ stdout }) => stdout.trim().split('\n'));
      expect(lines.filter((line) => line.startsWith('Applied'))).toEqual(
        migrations.map((name) => `Applied ${name}`),
      );
      expect(lines.filter((line) => line.startsWith('Nothing to apply'))).toHaveLength(2);
    } finally {
      await drop();
    }
  });
});

describe('an embedded database', () => {
  it('serves one process, names it to others, and survives its death', async () => {
    const holder = start(HOLD, { DATA_DIR: dataDir });
    const [, team] = await holder.line(/^team (\S+)/);

    const second = start(APPLY, { DATA_DIR: dataDir });
    expect((await second.exited).code).toBe(1);
    expect(second.stderr).toContain(`in use by process ${holder.pid}`);
    expect(second.stdout).toBe('');

    // Killed without warning: its data is there, and its lock is free.
    holder.kill('SIGKILL');
    await holder.exited;
    expect(existsSync(join(dataDir, 'postgres.lock'))).toBe(true);
    const store = await createStore({ dataDir });
    expect(await store.teams.find(team)).toMatchObject({ id: team, name: 'held' });
    await store.close();
    expect(await readdir(dataDir)).toEqual(['postgres']);
  });

  it('is created by the next start if the first was interrupted', async () => {
    const folder = join(dataDir, 'deep', 'er');
    await mkdir(folder, { recursive: true });
    const first = start(APPLY, { DATA_DIR: folder });
    // Killed while it copies the new database into place. There is no event for that, so this polls.
    while (!existsSync(join(folder, 'postgres.new', 'base'))) await delay(2);
    first.kill('SIGKILL');
    await first.exited;
    expect(existsSync(join(folder, 'postgres'))).toBe(false);

    const second = start(APPLY, { DATA_DIR: folder });
    expect((await second.exited).code).toBe(0);
    expect(second.stdout).toBe(migrations.map((name) => `Applied ${name}\n`).join(''));
    expect(await readdir(folder)).toEqual(['postgres']);
  });
});

describe('db:migration', () => {
  it('reports that nothing changed', async () => {
    const before = await readdir(MIGRATIONS);
    const program = start(WRITE, {}, ['add_something']);
    expect((await program.exited).code).toBe(0);
    expect(program.stdout).toContain('Nothing changed');
    expect(await readdir(MIGRATIONS)).toEqual(before);
  });

  it.each([[[]], [['Bad-Name']], [['../escape']], [['two', 'names']]])('refuses %j', async (args) => {
    const program = start(WRITE, {}, args);
    expect((await program.exited).code).toBe(1);
    expect(program.stderr).not.toContain('    at ');
    expect(program.stdout).toBe('');
  });
});

describe('a program without a database', () => {
  it('reports why the database cannot be reached', async () => {
    const program = start(APPLY, { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' });
    expect((await program.exited).code).toBe(1);
    expect(program.stderr).toContain('127.0.0.1:1');
  });
});

function start(script: string, env: Record<string, string>, args: readonly string[] = []): Program {
  const program = startProgram(script, env, args);
  programs.push(program);
  return program;
}
