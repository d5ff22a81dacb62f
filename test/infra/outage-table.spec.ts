import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

/**
 * For each row of the table "When a part fails": the spec whose group causes the failure, and how the group begins there. In
 * the group a comment names each column before the expectations about it.
 */
const GROUPS: Readonly<Record<string, readonly [file: string, start: string]>> = {
  'Redis is away': ['outages', "describe('Redis is away'"],
  'Redis is emptied': ['outages', "describe('Redis is emptied'"],
  'Redis hangs': ['outages', "describe('Redis hangs'"],
  'Postgres is away': ['outages', "['Postgres is away', "],
  'Postgres hangs': ['outages', "['Postgres hangs', "],
  'an edge is killed': ['killed-parts', "describe('an edge is killed'"],
  'an edge hangs': ['outages', "describe('an edge hangs'"],
  'an edge is cut off from other edges': ['edges-cut', "describe('an edge is cut off from other edges'"],
  'an API process is killed': ['killed-parts', "describe('an API process is killed'"],
  'a traffic manager is killed': ['killed-parts', "describe('a traffic manager is killed'"],
};

function readText(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

/** Rows of the table, each split into its cells. */
function readTable(): string[][] {
  const [, section = ''] = readText('docs/operations.md').split('\n## When a part fails\n');
  const [table = ''] = section.split('\n## ');
  const rows = table.split('\n').filter((line) => line.startsWith('| '));
  return rows.map((line) => line.slice(2, -2).split(' | '));
}

it('has a test for each cell of the table of failures in docs/operations.md, and a row for each group of tests', () => {
  const [[, ...columns], ...rows] = readTable();
  expect(rows.map(([part]) => part)).toEqual(Object.keys(GROUPS));
  const untested: string[] = [];
  for (const [part, [file, start]] of Object.entries(GROUPS)) {
    const [, after = ''] = readText(`test/system/${file}.spec.ts`).split(start);
    const [group] = after.split(/\n *describe/);
    for (const column of columns)
      if (!group.includes(`// ${column.replace(' (API)', '')}`)) untested.push(`${part}: ${column}`);
  }
  expect(untested).toEqual([]);
});
