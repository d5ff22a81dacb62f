import { describe, expect, it } from 'vitest';
import { runFuzz } from './spec/fuzz.js';

// A short run with fixed seeds; `npm run fuzz` is the long one.
describe('every property of both ends holds', () => {
  it.each([1, 2, 3, 4])('for frames made from seed %i', async (seed) => {
    const { failure, verdicts } = await runFuzz(seed, (iteration) => iteration < 150);
    expect(failure).toBeNull();
    expect([...verdicts.keys()]).toEqual(
      expect.arrayContaining(['server continues', 'client continues', 'pair whole']),
    );
  });
});
