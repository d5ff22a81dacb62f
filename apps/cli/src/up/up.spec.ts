import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { EXIT } from '../exit-code.js';
import { runCommand } from '../spec/test-terminal.js';

it('culvert up prints each mistake of a file as an error, in the order of the file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  try {
    const file = join(folder, 'culvert.yaml');
    writeFileSync(file, 'endpoints:\n  a: { target: 1, acess: team }\n  b: { target: 0 }\n  c: 3\n');
    const { exitCode, stderr } = await runCommand(['up', '--check', '--file', file]);
    expect(exitCode).toBe(EXIT.usage);
    const errors = stderr.split('\n').filter((line) => line.includes(file));
    expect(errors.map((line) => line.slice(0, line.indexOf(': endpoints')))).toEqual([
      `culvert: ${file}:2:19`,
      `culvert: ${file}:3:16`,
      `culvert: ${file}:4:6`,
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
