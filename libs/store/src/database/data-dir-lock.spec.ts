import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataDirInUseError, lockDataDir } from './data-dir-lock.js';

let folder: string;
let lockFile: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'culvert-lock-'));
  lockFile = join(folder, 'data', 'postgres.lock');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('lockDataDir', () => {
  it('contains this process while it is held, and leaves no file behind', async () => {
    const unlock = await lockDataDir(lockFile);
    expect(JSON.parse(await readFile(lockFile, 'utf8'))).toMatchObject({ pid: process.pid });
    expect(await readdir(join(folder, 'data'))).toEqual(['postgres.lock']);
    await unlock();
    expect(await readdir(join(folder, 'data'))).toEqual([]);
    await (
      await lockDataDir(lockFile)
    )();
  });

  it('is held only once in a process', async () => {
    const results = await Promise.allSettled([1, 2, 3].map(() => lockDataDir(lockFile)));
    const [unlock, ...others] = results.flatMap((result) =>
      result.status === 'fulfilled' ? [result.value] : [],
    );
    expect(others).toEqual([]);
    const refusals = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    );
    expect(refusals).toHaveLength(2);
    for (const refusal of refusals) expect(refusal).toBeInstanceOf(DataDirInUseError);
    await unlock();
  });

  it('is refused while another living process holds it', async () => {
    await take({ pid: process.ppid, startedAt: null });
    const refused = lockDataDir(lockFile);
    await expect(refused).rejects.toBeInstanceOf(DataDirInUseError);
    await expect(refused).rejects.toMatchObject({ pid: process.ppid, lockFile });
    // The other process still holds it.
    expect(JSON.parse(await readFile(lockFile, 'utf8'))).toEqual({ pid: process.ppid, startedAt: null });
    expect(await readdir(join(folder, 'data'))).toEqual(['postgres.lock']);
  });

  it.each([
    ['a dead process', () => ({ pid: endedPid(), startedAt: null })],
    ['an earlier process with the number of a living one', () => ({ pid: process.ppid, startedAt: '1' })],
    ['an earlier process with our number', () => ({ pid: process.pid, startedAt: null })],
    ['a lock without a holder', () => ({})],
    ['something that is not a number', () => ({ pid: -1 })],
  ])('is taken over from %s', async (_who, holder) => {
    await take(holder());
    const unlock = await lockDataDir(lockFile);
    expect(JSON.parse(await readFile(lockFile, 'utf8'))).toMatchObject({ pid: process.pid });
    expect(await readdir(join(folder, 'data'))).toEqual(['postgres.lock']);
    await unlock();
  });

  it('is taken over when the file is not a valid lock', async () => {
    await take({});
    await writeFile(lockFile, '{"pid":');
    const unlock = await lockDataDir(lockFile);
    expect(JSON.parse(await readFile(lockFile, 'utf8'))).toMatchObject({ pid: process.pid });
    await unlock();
  });
});

async function take(holder: object): Promise<void> {
  await (
    await lockDataDir(lockFile)
  )();
  await writeFile(lockFile, JSON.stringify(holder));
}

function endedPid(): number {
  return spawnSync(process.execPath, ['--version']).pid;
}
