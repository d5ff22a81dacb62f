import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Differential } from './differential.js';

/** A short run with fixed seeds; `npm run differential` is the long one. */
const SEEDS = [1, 2, 3];
const CASES_PER_SEED = 100;

describe('a response, valid or invalid', () => {
  let differential: Differential;
  beforeAll(async () => {
    differential = await Differential.start();
  });
  afterAll(() => differential?.stop());

  it.each(SEEDS)('passes the relay with the meaning that nginx and Node agree on (seed %i)', async (seed) => {
    const { differences, counts } = await differential.run(seed, (index) => index < CASES_PER_SEED);
    expect(differences).toEqual([]);
    expect(counts.get('nginx delivers, Node delivers, the relay delivers')).toBeGreaterThan(0);
  });
});
