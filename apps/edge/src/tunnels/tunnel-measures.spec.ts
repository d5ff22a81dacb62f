import { describe, expect, it } from 'vitest';
import { TunnelMeasures } from './tunnel-measures.js';

const open = (measures: TunnelMeasures) =>
  [...measures.byLeg()]
    .filter(([, count]) => count > 0)
    .map(([values, count]) => [...values, count].join(' '));

describe(TunnelMeasures.name, () => {
  it('knows the open tunnels by kind and leg, whatever number a dialer claims', () => {
    const measures = new TunnelMeasures();
    measures.handleOpen('native', 1, false);
    measures.handleOpen('native', 2, true);
    measures.handleOpen('native', 1000, true);
    measures.handleOpen('telepresence', 0, false);
    expect(open(measures)).toEqual(['native 1 1', 'native 2 1', 'native 8 1', 'telepresence 1 1']);
    measures.handleClose('native', 1000, 'liveness_lost');
    measures.handleClose('native', 1, 'superseded');
    expect(open(measures)).toEqual(['native 2 1', 'telepresence 1 1']);
    expect([...measures.byLeg()]).toHaveLength(16);
  });

  it('ignores round trips that are not known yet', () => {
    const measures = new TunnelMeasures();
    measures.observeRoundTrip('native', 0);
    expect(measures.roundTrip.read(0)).toBeNull();
    measures.observeRoundTrip('native', 12);
    expect(measures.roundTrip.read(0)?.count).toBe(1);
  });
});
