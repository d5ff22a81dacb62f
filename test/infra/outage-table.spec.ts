import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

/** For each row of the table "When a part fails": the spec that causes the failure, and the name of its test or group there. */
const TESTS: Readonly<Record<string, readonly [file: string, name: string]>> = {
  'Redis is away': ['outages', "describe('Redis is away'"],
  'Redis is emptied': ['outages', "describe('Redis is emptied'"],
  'Redis hangs': ['outages', "describe('Redis hangs'"],
  'Postgres is away': ['outages', "['Postgres is away', "],
  'Postgres hangs': ['outages', "['Postgres hangs', "],
  'an edge is killed': ['rolling-restart', "['an edge', "],
  'an edge hangs': ['fleet', "it('stands still: "],
  'an edge is cut off from other edges': ['edges-cut', "describe('an edge is cut off from other edges'"],
  'an API process is killed': ['rolling-restart', "['an API process', "],
  'a traffic manager is killed': ['rolling-restart', "['a traffic manager', "],
};

function readText(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

it('has a test for each row of the table of failures in docs/operations.md, and a row for each test', () => {
  const [, section = ''] = readText('docs/operations.md').split('\n## When a part fails\n');
  const [table = ''] = section.split('\n## ');
  const parts = [...table.matchAll(/^\| ([^|]+) \|/gm)].map(([, part = '']) => part);
  expect(parts.slice(1)).toEqual(Object.keys(TESTS));
  for (const [file, name] of Object.values(TESTS))
    expect(readText(`test/system/${file}.spec.ts`)).toContain(name);
});
