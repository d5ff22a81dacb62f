import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigurationError } from './configuration-error.js';
import { checkKey, readSecret, splitList } from './secrets.js';

let folder: string;
const fileOf = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'culvert-settings-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('readSecret', () => {
  it('prefers the variable to the file, and returns no secret without both', async () => {
    const env = { KEY: ' from-variable ', KEY_FILE: fileOf('key', 'from-file\n') };
    expect(await readSecret(env, 'KEY', checkKey)?.()).toBe('from-variable');
    expect(await readSecret({ KEY_FILE: env.KEY_FILE }, 'KEY', checkKey)?.()).toBe('from-file');
    expect(readSecret({ KEY: '', KEY_FILE: '' }, 'KEY', checkKey)).toBeUndefined();
  });

  it('reads the file anew each time, so that a key can be replaced', async () => {
    const path = fileOf('rotated', 'old');
    const read = readSecret({ KEY_FILE: path }, 'KEY', checkKey)!;
    writeFileSync(path, 'new');
    expect(await read()).toBe('new');
    writeFileSync(path, 'two words');
    await expect(read()).rejects.toThrow(ConfigurationError);
  });

  it.each(['two words', 'ümlaut', 'x'.repeat(513), 'line\nbreak'])('refuses %j without quoting it', (KEY) => {
    const read = () => readSecret({ KEY }, 'KEY', checkKey);
    expect(read).toThrow(ConfigurationError);
    expect(read).toThrow(expect.objectContaining({ message: expect.not.stringContaining(KEY) }));
  });
});

describe('splitList', () => {
  it('leaves out spaces and empty items', () => {
    expect(splitList(' a, b ,,c,')).toEqual(['a', 'b', 'c']);
    expect(splitList(undefined)).toEqual([]);
  });
});
