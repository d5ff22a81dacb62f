import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { thisMachine } from '@culvert/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../exit-code.js';
import { runCommand } from '../spec/test-terminal.js';
import { ProjectFiles } from './project.js';

describe('culvert logs', () => {
  let folder: string;
  let file: string;
  let env: NodeJS.ProcessEnv;
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'culvert-test-')));
    file = join(folder, 'culvert.yaml');
    env = { CULVERT_CONFIG_DIR: join(folder, 'config') };
    writeFileSync(file, 'endpoints:\n  web: { target: 3000 }\n  api: { target: 4000 }\n');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function writeLog(text: string): void {
    const files = new ProjectFiles(env, file);
    files.makeFolder();
    writeFileSync(files.log, text);
  }

  it('shows the lines of one endpoint, and nothing for an endpoint that wrote none', async () => {
    writeLog('web | one\napi | two\n');
    const shown = await runCommand(['logs', 'web', '--file', file], { env });
    expect([shown.exitCode, shown.stdout]).toEqual([EXIT.ok, 'web | one\n']);
    writeLog('web | one\n');
    const silent = await runCommand(['logs', 'api', '--file', file], { env });
    expect([silent.exitCode, silent.stdout]).toEqual([EXIT.ok, '']);
  });

  it.each([[[]], [['--follow']]])('refuses an endpoint that does not exist, with %j', async (flags) => {
    writeLog('web | one\n');
    const { exitCode, stderr } = await runCommand(['logs', 'nosuch', '--file', file, ...flags], { env });
    expect(exitCode).toBe(EXIT.notFound);
    expect(stderr).toContain('has an endpoint nosuch');
  });

  it('shows the lines of an endpoint that the file no longer has', async () => {
    writeLog('old | one\n');
    const { exitCode, stdout } = await runCommand(['logs', 'old', '--file', file], { env });
    expect([exitCode, stdout]).toEqual([EXIT.ok, 'old | one\n']);
  });

  it('says that a run is not in the background, instead of showing the log of an earlier one', async () => {
    writeLog('web | of an earlier run\n');
    new ProjectFiles(env, file).removeLog();
    const claim = thisMachine(env).running.claim({
      kind: 'up',
      server: 'https://culvert.test',
      name: 'project/web',
      target: 'localhost:3000',
      mayNumber: false,
      file,
    });
    try {
      const { exitCode, stdout, stderr } = await runCommand(['logs', '--file', file], { env });
      expect([exitCode, stdout]).toEqual([EXIT.conflict, '']);
      expect(stderr).toContain(`web is up, but not in the background: process ${process.pid}`);
    } finally {
      claim?.release(false);
    }
  });
});
