import { describe, expect, it } from 'vitest';
import { HTTP_SYNTAX_STATUS } from './errors.js';
import { runFuzz } from './spec/fuzz.js';

// A short run with fixed seeds; `npm run fuzz` is the long one.
describe('the fuzzer’s properties', () => {
  const reached = new Set<string>();

  it.each([1, 2, 3, 4])('hold for inputs made from seed %i', (seed) => {
    const { failure, verdicts } = runFuzz(seed, (iteration) => iteration < 3000);
    expect(failure).toBeNull();
    for (const key of verdicts.keys()) reached.add(key.split(' ')[1]);
  });

  it('are checked with inputs that reach every verdict', () => {
    expect([...reached].toSorted()).toEqual(
      ['accepted', 'incomplete', ...Object.keys(HTTP_SYNTAX_STATUS)].toSorted(),
    );
  });
});
