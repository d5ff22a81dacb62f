import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backupName, backupTimes, removeOldBackups, writeNewFile } from './backup-folder.js';
import { createCommand } from './command.js';
import { splitUrl } from './postgres-tools.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('culvert-admin', () => {
  it.each([
    [['backup'], 'name a file with --output, or a folder with --dir'],
    [['backup', '--dir', 'x', '--keep', '0'], 'use 1 to 10000'],
    [['backup', '--dir', 'x', '--every', '5'], 'use minutes, hours or days'],
    [['backup', '--dir', 'x', '--output', 'y'], 'cannot be used with'],
    [['backup', '--output', 'y'], 'contains no database'],
    [['restore'], "missing required argument 'file'"],
    [['restore', 'missing.tar'], 'no such file'],
    [['shrink'], 'unknown command'],
  ])('refuses %j and says why', async (args, message) => {
    const env = { DATA_DIR: join(folder, 'none') };
    const command = createCommand({ env, stdin: new PassThrough(), stdout: new PassThrough() });
    for (const each of [command, ...command.commands]) each.configureOutput({ writeErr: () => {} });
    await expect(command.parseAsync(args, { from: 'user' })).rejects.toThrow(message);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a folder of backups', () => {
  it('keeps the newest, and other files', async () => {
    const dir = join(folder, 'backups');
    mkdirSync(dir);
    const days = [1, 2, 3].map((day) => new Date(Date.UTC(2026, 0, day)));
    for (const day of days) writeFileSync(join(dir, backupName(day)), '');
    writeFileSync(join(dir, 'notes.tar'), '');
    const unfinished = join(dir, '.culvert-20251201T000000Z.tar.1.unfinished');
    writeFileSync(unfinished, '');
    utimesSync(unfinished, days[0], days[0]);
    writeFileSync(join(dir, '.culvert-20260104T000000Z.tar.2.unfinished'), '');
    expect(await backupTimes(dir)).toEqual(days.toReversed());
    expect(await removeOldBackups(dir, 2)).toEqual([join(dir, 'culvert-20260101T000000Z.tar'), unfinished]);
    expect(readdirSync(dir).toSorted()).toEqual([
      '.culvert-20260104T000000Z.tar.2.unfinished',
      'culvert-20260102T000000Z.tar',
      'culvert-20260103T000000Z.tar',
      'notes.tar',
    ]);
    expect(await backupTimes(join(dir, 'missing'))).toEqual([]);
  });

  it('gets no file when a backup fails, and loses none to a new one', async () => {
    const dir = join(folder, 'failing');
    async function* failing() {
      yield Buffer.from('half');
      throw new Error('the disk is full');
    }
    await expect(writeNewFile(join(dir, 'a.tar'), failing())).rejects.toThrow('the disk is full');
    expect(readdirSync(dir)).toEqual([]);
    async function* whole() {
      yield Buffer.from('whole');
    }
    expect(await writeNewFile(join(dir, 'a.tar'), whole())).toBe(5);
    await expect(writeNewFile(join(dir, 'a.tar'), whole())).rejects.toThrow('exists: name another file');
    expect(readdirSync(dir)).toEqual(['a.tar']);
  });
});

describe(splitUrl, () => {
  it.each([
    ['postgresql://culvert:p%40ss@db:5432/culvert', 'postgresql://culvert@db:5432/culvert', 'p@ss'],
    ['postgresql://culvert@db/culvert', 'postgresql://culvert@db/culvert', null],
    ['postgresql://db/x?user=a&password=s', 'postgresql://db/x?user=a', 's'],
    ['postgresql://db/x?sslmode=no-verify&schema=public', 'postgresql://db/x?sslmode=require', null],
    ['postgresql://db/x?ssl=true', 'postgresql://db/x?sslmode=require', null],
    [
      'postgresql://db/x?sslmode=verify-full&sslrootcert=/ca',
      'postgresql://db/x?sslmode=verify-full&sslrootcert=/ca',
      null,
    ],
  ])('separates the password of %s and leaves what the tools understand', (given, url, password) => {
    expect(splitUrl(given)).toEqual({ url, password });
  });
});
