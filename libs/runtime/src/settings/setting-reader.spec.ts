import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestCertificate } from '@culvert/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigurationError } from './configuration-error.js';
import { checkKey, readSecret, SettingReader, splitList } from './setting-reader.js';

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

describe(SettingReader.name, () => {
  it('prefers the flag to the variable, and treats an empty value as absent', () => {
    const settings = new SettingReader({ port: '1', name: '', host: undefined }, { PORT: '2', HOST: 'h' });
    expect(settings.text('port', 'PORT')).toBe('1');
    expect(settings.text('name', 'NAME')).toBeUndefined();
    expect(settings.text('host', 'HOST')).toBe('h');
  });

  it.each(['-1', '1.5', '1e2', 'x', '11', ' 5'])('refuses %j as an integer from 0 to 10', (PORT) => {
    const read = () => new SettingReader({ port: undefined }, { PORT }).integer('port', 'PORT', 0, 10);
    expect(read).toThrow(ConfigurationError);
    expect(read).toThrow(`PORT must be an integer from 0 to 10; it is "${PORT}"`);
  });

  it('reads certificates again each time, and refuses a file without any', async () => {
    const [first, second] = [createTestCertificate(['a.test']), createTestCertificate(['b.test'])];
    const path = fileOf('ca.pem', first.cert);
    const settings = new SettingReader({ ca: path }, { OTHER_CA: fileOf('empty.pem', 'nothing') });
    const read = settings.certificates('ca', 'CA')!;
    expect(await read()).toBe(first.cert);
    writeFileSync(path, second.cert);
    expect(await read()).toBe(second.cert);
    writeFileSync(path, 'broken');
    await expect(read()).rejects.toThrow(/^CA names a file without certificates/);
    expect(() =>
      new SettingReader({ ca: undefined }, { CA: fileOf('x.pem', 'no') }).certificates('ca', 'CA'),
    ).toThrow(ConfigurationError);
  });

  it('names the setting of a file that cannot be read', () => {
    const read = () => new SettingReader({ ca: join(folder, 'absent') }, {}).file('ca', 'CA');
    expect(read).toThrow(ConfigurationError);
    expect(read).toThrow(/^CA names a file that cannot be read: ENOENT/);
  });
});

describe('readSecret', () => {
  it('prefers the variable to the file, and returns no secret without either', async () => {
    const env = { KEY: ' from-variable ', KEY_FILE: fileOf('key', 'from-file\n') };
    expect(await readSecret(env, 'KEY', checkKey)?.()).toBe('from-variable');
    expect(await readSecret({ KEY_FILE: env.KEY_FILE }, 'KEY', checkKey)?.()).toBe('from-file');
    expect(readSecret({ KEY: '', KEY_FILE: '' }, 'KEY', checkKey)).toBeUndefined();
  });

  it('reads the file again each time, so that a key can be replaced', async () => {
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
