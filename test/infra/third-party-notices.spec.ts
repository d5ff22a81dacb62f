/** What THIRD_PARTY_NOTICES contains, and the packages that it refuses. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noticesOf } from '../../infra/scripts/third-party-notices.mjs';

const MIT = 'Permission is hereby granted, free of charge';
let folder: string;

/** Installs a package, and returns the id of its only module. */
function install(
  manifest: Record<string, unknown> & { name: string },
  files: Record<string, string>,
): string {
  const path = join(folder, 'node_modules', manifest.name);
  mkdirSync(path, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  writeFileSync(join(path, 'package.json'), JSON.stringify({ version: '1.2.3', ...manifest }));
  return join(path, 'index.js');
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe(noticesOf, () => {
  it('names each package once, in order, with the text that it shares with others', () => {
    const license = `${MIT}\r\nto all\r\n`;
    const b = install({ name: '@scope/b', license: 'MIT' }, { LICENSE: license });
    const a = install({ name: '@scope/a', license: 'MIT' }, { 'license.md': license });
    const c = install({ name: 'c', license: '(GPL-3.0 OR Apache-2.0)' }, { LICENSE: 'Two', NOTICE: 'Three' });
    const text = noticesOf([c, b, a, `${b}?commonjs`, import.meta.filename], 'This program');
    const rule = '-'.repeat(80);
    expect(text).toBe(
      `This program contains code of these packages.\n\n${rule}\n@scope/a 1.2.3 (MIT)\n@scope/b 1.2.3 (MIT)\n\n${MIT}\nto all\n` +
        `\n${rule}\nc 1.2.3 ((GPL-3.0 OR Apache-2.0))\n\nTwo\n\nThree\n`,
    );
    expect(noticesOf([a, b, c], 'This program')).toBe(text);
  });

  it('takes the license from the README of a package without a file for it', () => {
    const readme = `# d\n\n## License\n\n(c) Ann. ${MIT}\n\n## Contributing\n\nDo.\n`;
    const d = install({ name: 'd', license: 'ISC' }, { 'README.md': readme });
    expect(noticesOf([d], 'It')).toMatch(new RegExp(`d 1\\.2\\.3 \\(ISC\\)\n\n\\(c\\) Ann\\. ${MIT}\n$`));
  });

  it('contains the license of the code that the bundler adds', () => {
    expect(noticesOf(['\0rolldown/runtime.js'], 'It')).toMatch(/\nrolldown [\d.]+ \(MIT\)\n\nMIT License\n/);
    expect(noticesOf([], 'It')).toBe('It contains no code of other packages.\n');
  });

  it.each([
    ['a license that is not allowed', { license: 'GPL-3.0' }, { LICENSE: 'x' }, 'the license GPL-3.0 is not'],
    [
      'a second license that is not allowed',
      { license: 'MIT AND GPL-3.0' },
      { LICENSE: 'x' },
      'is not allowed',
    ],
    ['no license', {}, { LICENSE: 'x' }, 'the license undefined is not allowed'],
    ['no license text', { license: 'MIT' }, { 'README.md': '# e\n\n## License\n\nMIT\n' }, 'no license text'],
  ])('refuses a package with %s', (what, manifest, files, message) => {
    const module = install({ name: what.replaceAll(' ', '-'), ...manifest }, files);
    expect(() => noticesOf([module], 'It')).toThrow(message);
  });

  it('refuses a module of unknown origin', () => {
    expect(() => noticesOf(['\0unknown'], 'It')).toThrow('unknown belongs to no known package');
    expect(() => noticesOf([join(folder, 'copied.js')], 'It')).toThrow('belongs to no known package');
  });
});

describe('the build', () => {
  it.each([
    ['dist', 'zod', 'playwright-core'],
    ['dist/apps/dashboard', 'react', 'pg'],
    ['dist/apps/cli', 'commander', 'pg'],
    // The page of the local inspector.
    ['dist/apps/cli', 'react', 'pg'],
    ['dist/apps/traffic-agent', 'pino', 'react'],
    ['dist/apps/traffic-manager', 'pino', 'react'],
  ])('writes the licenses of %s beside it: that of %s, and not of %s', (path, contained, absent) => {
    const text = readFileSync(join(path, 'THIRD_PARTY_NOTICES'), 'utf8');
    expect(text).toMatch(new RegExp(`^${contained} \\d+\\.\\S+ \\(MIT\\)$`, 'm'));
    expect(text).not.toMatch(new RegExp(`^${absent} \\d`, 'm'));
  });
});
