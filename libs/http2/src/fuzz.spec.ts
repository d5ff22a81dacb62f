import { describe, expect, it } from 'vitest';
import { runFuzz } from './spec/fuzz.js';

// A short run with fixed seeds; `npm run fuzz` is the long one.
describe('both ends of HTTP/2', () => {
  it.each([1, 2, 3, 4])('have every property for frames made from seed %i', async (seed) => {
    const { failure, verdicts } = await runFuzz(seed, (iteration) => iteration < 150);
    expect(failure).toBeNull();
    expect([...verdicts.keys()]).toEqual(
      expect.arrayContaining(['server continues', 'client continues', 'pair whole']),
    );
  });
});
