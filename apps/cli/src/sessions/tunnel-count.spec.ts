import { describe, expect, it } from 'vitest';
import { showTunnelCount } from './tunnel-count.js';

describe(showTunnelCount, () => {
  it.each([
    [2, 3, '2 of 3'],
    [0, 2, '0 of 2'],
    [3, 3, '3'],
    [4, 2, '4'],
    [1, null, '1'],
  ])('shows %s open tunnels of %s wanted ones as %s', (tunnelCount, wantedTunnelCount, shown) => {
    expect(showTunnelCount({ tunnelCount, wantedTunnelCount })).toBe(shown);
  });
});
