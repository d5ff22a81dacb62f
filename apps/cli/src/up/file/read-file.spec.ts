import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endpointNames } from './endpoint-names.js';
import { findFile, locateFile } from './find-file.js';
import { MAX_FILE_BYTES } from './parse-file.js';
import { readUpFile } from './read-file.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string, mode = 0o644): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

describe('findFile', () => {
  it('finds the nearest file in the folder or above', () => {
    const inner = join(folder, 'a', 'b');
    mkdirSync(inner, { recursive: true });
    const outer = write('culvert.yml', '');
    expect(findFile(inner)).toBe(outer);
    const nearer = write('a/culvert.json', '');
    expect(findFile(inner)).toBe(nearer);
  });

  it('refuses a folder with several files', () => {
    write('culvert.yaml', '');
    write('culvert.json', '');
    expect(() => findFile(folder)).toThrow(/several files/);
  });

  it('takes the file that is named, which must exist to be read', () => {
    const path = write('other.yaml', '');
    expect(findFile(folder, 'other.yaml')).toBe(path);
    expect(() => findFile(folder, 'gone.yaml')).toThrow(/is not a file/);
    expect(locateFile(folder, 'gone.yaml')).toBe(join(folder, 'gone.yaml'));
  });
});

describe('readUpFile', () => {
  it('resolves folders of commands from its own, and names commands of paths by these', () => {
    const path = write(
      'culvert.yaml',
      'endpoints:\n  web:\n    paths:\n      /: { target: 1, command: a, workingDirectory: ../x }\n      /b: { target: 2, command: [b, c] }\n',
    );
    expect(readUpFile(path, {}).endpoints[0]?.commands).toEqual([
      { name: 'web/', command: 'a', workingDirectory: join(folder, '../x'), env: {} },
      { name: 'web/b', command: ['b', 'c'], workingDirectory: folder, env: {} },
    ]);
  });

  it('has the name of its folder, as previews may be called', () => {
    expect(readUpFile(write('culvert.yaml', 'endpoints: { a: { target: 1 } }'), {}).name).toMatch(
      /^culvert-test-\w+$/,
    );
    expect(readUpFile(write('culvert.yaml', 'name: shop\nendpoints: { a: { target: 1 } }'), {}).name).toBe(
      'shop',
    );
  });

  it.skipIf(process.platform === 'win32')(
    'refuses a secret that others may read, without showing it, unless it comes from the environment',
    () => {
      const text = 'endpoints: { a: { target: 1, addRequestHeaders: { authorization: "Bearer abc" } } }';
      for (const mode of [0o644, 0o640, 0o604])
        expect(() => readUpFile(write('culvert.yaml', text, mode), {})).toThrow(
          /^(?!.*abc).*culvert\.yaml:1:66: addRequestHeaders\.authorization has a secret/s,
        );
      expect(readUpFile(write('culvert.yaml', text, 0o600), {}).endpoints).toHaveLength(1);
      const fromEnvironment = text.replace('abc', '${TOKEN}');
      expect(readUpFile(write('culvert.yaml', fromEnvironment), { TOKEN: 'abc' }).endpoints).toHaveLength(1);
    },
  );

  it('refuses a file that is too large, and one that is gone', () => {
    expect(() => readUpFile(write('culvert.yaml', ' '.repeat(MAX_FILE_BYTES + 1)), {})).toThrow(/too large/);
    expect(() => readUpFile(join(folder, 'gone.yaml'), {})).toThrow(/cannot be read/);
  });
});

describe('endpointNames', () => {
  it('reads the names for completion, also of a file with mistakes and variables that are not set', () => {
    write('culvert.yaml', 'endpoints:\n  web: { target: "${NONE}" }\n  api: x\n');
    expect(endpointNames(folder)).toEqual(['web', 'api']);
    write('culvert.yaml', 'x: 1\n');
    expect(endpointNames(folder)).toEqual([]);
  });
});
