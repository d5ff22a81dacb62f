import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { readPath, readStatus, readTimeout } from './wait-command.js';

describe('the flags of preview wait', () => {
  it('accept final statuses, times from 1s to 24h and paths with a query', () => {
    expect(['200', '302', '599'].map(readStatus)).toEqual([200, 302, 599]);
    expect(['1s', '2m', '24h'].map(readTimeout)).toEqual([1, 120, 86_400]);
    expect(readPath('/health?deep=1')).toBe('/health?deep=1');
  });

  it.each([
    [readStatus, ['', '2xx', '100', '600', '0200', '200.5', '-200', '101']],
    [readTimeout, ['', '0s', '25h', '10', '-1s', '2 m']],
    [readPath, ['', 'health', 'https://a.test/', `/${'a'.repeat(4096)}`]],
  ])('refuse other values: %o', (read, values) => {
    for (const value of values) expect(() => read(value), value).toThrow(InvalidArgumentError);
  });
});
