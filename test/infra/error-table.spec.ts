import { readFileSync } from 'node:fs';
import { RELAY_ERROR_CODES } from '@culvert/relay';
import { expect, it } from 'vitest';

it('docs/operations.md explains every error code of previews, and no other', () => {
  const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const [, section = ''] = page.split('\n## What an error means\n');
  const [table = ''] = section.split('\n## ');
  const cells = table.split('\n').filter((line) => line.startsWith('| `'));
  const codes = cells.flatMap((line) => [...line.split('|')[1].matchAll(/`(\w+)`/g)].map(([, code]) => code));
  expect(codes.toSorted()).toEqual([...RELAY_ERROR_CODES].toSorted());
});
