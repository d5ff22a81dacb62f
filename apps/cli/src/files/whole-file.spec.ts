/** A file with secrets: other users of its folder can neither read it nor choose where it is written. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WholeFile } from './whole-file.js';

describe(WholeFile.name, () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const write = (): string => {
    const path = join(folder, 'audit.csv');
    const file = new WholeFile(path);
    file.write(Buffer.from('secret'));
    file.finish();
    return path;
  };
  const planted = (): string => join(folder, `.audit.csv.${process.pid}.part`);

  it('does not follow a link that waits at a name that can be guessed', () => {
    const victim = join(folder, 'victim');
    writeFileSync(victim, 'kept');
    symlinkSync(victim, planted());
    expect(readFileSync(write(), 'utf8')).toBe('secret');
    expect(readFileSync(victim, 'utf8')).toBe('kept');
  });

  it.each(['the planted file', 'the file before it'])(
    'can be read by its owner alone, whatever the mode of %s',
    (which) => {
      const existing = which === 'the planted file' ? planted() : join(folder, 'audit.csv');
      writeFileSync(existing, '');
      chmodSync(existing, 0o666);
      expect(statSync(write()).mode & 0o777).toBe(0o600);
    },
  );

  it('can be abandoned after it failed to get its name', () => {
    const file = new WholeFile(join(folder, 'audit.csv'));
    file.abandon();
    expect(() => file.abandon()).not.toThrow();
  });
});
