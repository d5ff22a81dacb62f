import { describe, expect, it } from 'vitest';
import { PathTable } from './path-table.js';

const table = new PathTable([
  ['/', 'page'],
  ['/api', 'api'],
  ['/api/v2', 'next'],
]);

describe('PathTable', () => {
  it.each([
    ['/', 'page'],
    ['/?api', 'page'],
    ['/apis', 'page'],
    ['/API', 'page'],
    ['/%61pi', 'page'],
    ['*', 'page'],
    ['/api', 'api'],
    ['/api/', 'api'],
    ['/api?a', 'api'],
    ['/api/v', 'api'],
    ['/api/v2', 'next'],
    ['/api/v2/x?y', 'next'],
  ])('sends %s to the longest path that it begins with', (target, expected) => {
    expect(table.find(target)).toBe(expected);
  });

  it('has no service for a path that it does not know', () => {
    expect(new PathTable([['/api', 1]]).find('/')).toBeNull();
  });
});
