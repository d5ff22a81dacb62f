import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../exit-code.js';
import { runCommand } from '../spec/test-terminal.js';
import { CommandProcess } from './command-process.js';

describe('a workingDirectory that does not exist', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is named as the reason, instead of the shell', async () => {
    const workingDirectory = join(folder, 'gone');
    const how = await new Promise((resolve) => {
      void new CommandProcess(
        { name: 'web', command: 'true', workingDirectory, env: {} },
        { env: {}, onLine: () => {}, onEnded: resolve },
      );
    });
    expect(how).toBe(`cannot be started: its workingDirectory ${workingDirectory} is not a folder`);
  });

  it('is not taken for the reason if the folder exists', async () => {
    const how = await new Promise((resolve) => {
      void new CommandProcess(
        { name: 'web', command: ['/nowhere/program'], workingDirectory: folder, env: {} },
        { env: {}, onLine: () => {}, onEnded: resolve },
      );
    });
    expect(how).toMatch(/^cannot be started: .*ENOENT/);
  });

  it.each([
    ['gone', EXIT.usage, /the command of web cannot be started: .*gone is not a folder/],
    ['.', EXIT.ok, /is valid/],
  ])('is reported by "culvert up --check": %s', async (workingDirectory, code, message) => {
    const file = join(folder, 'culvert.yaml');
    writeFileSync(
      file,
      `endpoints: { web: { target: 1, command: make, workingDirectory: ${workingDirectory} } }`,
    );
    const { exitCode, stderr } = await runCommand(['up', '--check', '--file', file]);
    expect([exitCode, stderr]).toEqual([code, expect.stringMatching(message)]);
  });
});
