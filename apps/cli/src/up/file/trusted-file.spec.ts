import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findFile } from './find-file.js';
import { readUpFile } from './read-file.js';
import { SMALLEST_FILE } from './smallest-file.js';
import { distrustOf } from './trusted-file.js';

const FOREIGN_UID = 65_534;
const isRoot = process.getuid?.() === 0;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name = 'culvert.yaml'): string {
  const path = join(folder, name);
  writeFileSync(path, 'endpoints: { web: { target: 3000, command: id } }\n', { mode: 0o644 });
  return path;
}

describe('distrustOf', () => {
  it.each([
    ['of this person', { uid: 1000, gid: 50, mode: 0o100644 }, null],
    ['of root', { uid: 0, gid: 0, mode: 0o100644 }, null],
    ['of another user', { uid: 1001, gid: 1001, mode: 0o100600 }, 'belongs to another user'],
    ['that everyone may write', { uid: 1000, gid: 1000, mode: 0o100646 }, 'can be changed by every user'],
    ['that a shared group may write', { uid: 1000, gid: 50, mode: 0o100664 }, 'can be changed by its group'],
    ['that the own group of this person may write', { uid: 1000, gid: 1000, mode: 0o100664 }, null],
  ])('judges a file %s', (_name, file, expected) => {
    expect(distrustOf(file, { uid: 1000, gid: 1000 })).toBe(expected);
  });

  it('trusts no group whose number is not that of the person', () => {
    expect(distrustOf({ uid: 501, gid: 20, mode: 0o100664 }, { uid: 501, gid: 20 })).toBe(
      'can be changed by its group',
    );
  });

  it('judges nothing where files have no owners', () => {
    expect(distrustOf({ uid: 7, gid: 7, mode: 0o100666 }, null)).toBeNull();
  });
});

// The fault: a file that anyone left in a parent folder, such as /tmp, started its commands as the person below.
describe.skipIf(process.platform === 'win32')('a file that is found', () => {
  it('is refused if every user may change it, unless it is named', () => {
    const path = write();
    chmodSync(path, 0o666);
    mkdirSync(join(folder, 'a'));
    expect(() => findFile(join(folder, 'a'))).toThrow(/can be changed by every user/);
    expect(findFile(folder, path)).toBe(path);
    expect(() => readUpFile(path, {})).toThrow(/can be changed by every user/);
    expect(readUpFile(path, {}, { isNamed: true }).endpoints).toHaveLength(1);
  });

  it.skipIf(!isRoot)('is refused if it, or the link to it, belongs to another user', () => {
    const path = write();
    chownSync(path, FOREIGN_UID, FOREIGN_UID);
    expect(() => findFile(folder)).toThrow(/belongs to another user/);
    expect(() => readUpFile(path, {})).toThrow(/belongs to another user/);
    rmSync(path);
    symlinkSync(write('mine.txt'), path);
    expect(findFile(folder)).toBe(path);
    lchownSync(path, FOREIGN_UID, FOREIGN_UID);
    expect(() => findFile(folder)).toThrow(/belongs to another user/);
  });
});

describe('the search for a file', () => {
  it('ends at the root of a repository, which it includes', () => {
    write();
    const repository = join(folder, 'repository');
    const inner = join(repository, 'inner');
    mkdirSync(inner, { recursive: true });
    expect(findFile(inner)).toBe(join(folder, 'culvert.yaml'));
    mkdirSync(join(repository, '.git'));
    expect(() => findFile(inner)).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/^there is no culvert\.yaml/) as string,
        hint: expect.stringContaining(`such as with "${SMALLEST_FILE}"`) as string,
      }) as Error,
    );
    const own = write('repository/culvert.json');
    expect(findFile(inner)).toBe(own);
  });

  it('ends at the home folder', () => {
    write();
    const home = join(folder, 'home');
    const inner = join(home, 'inner');
    mkdirSync(inner, { recursive: true });
    const before = process.env['HOME'];
    process.env['HOME'] = home;
    try {
      expect(() => findFile(inner)).toThrow(/there is no culvert\.yaml/);
      const own = write('home/culvert.yml');
      expect(findFile(inner)).toBe(own);
    } finally {
      if (before === undefined) delete process.env['HOME'];
      else process.env['HOME'] = before;
    }
  });
});
