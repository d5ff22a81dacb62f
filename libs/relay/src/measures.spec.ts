import { type Histogram, labelsOf } from '@culvert/measure';
import { describe, expect, it } from 'vitest';
import { RelayMeasures } from './measures.js';

/** Returns the labels of the series that have something, each joined. */
function seriesOf(histogram: Histogram): string[] {
  return Array.from({ length: histogram.seriesCount }, (_, series) => series)
    .filter((series) => histogram.read(series) !== null)
    .map((series) => Object.values(labelsOf(histogram.labels, series)).toReversed().join(' '));
}

describe(RelayMeasures.name, () => {
  it('counts an exchange in the series of its protocol, route, status and answer', () => {
    for (const protocol of ['http1', 'http2', 'websocket', 'replay'] as const)
      for (const route of ['preview', 'app', 'service', 'none'] as const)
        for (const isOwn of [false, true]) {
          const measures = new RelayMeasures();
          measures.observeEnd(protocol, route, { status: 404, isOwn }, 1);
          measures.observeFirstByte(protocol, route, 302, 1);
          const by = isOwn ? 'culvert' : 'service';
          expect(seriesOf(measures.duration)).toEqual([`${protocol} ${route} 4xx ${by}`]);
          expect(seriesOf(measures.firstByte)).toEqual([`${protocol} ${route} 3xx`]);
        }
  });

  it.each([
    [0, 'none'],
    [99, 'none'],
    [101, '1xx'],
    [200, '2xx'],
    [399, '3xx'],
    [499, '4xx'],
    [500, '5xx'],
    [600, '5xx'],
    [999, '5xx'],
    [100_000, '5xx'],
  ])('counts the status %d as %s', (status, expected) => {
    const measures = new RelayMeasures();
    measures.observeEnd('http1', 'preview', { status, isOwn: false }, 1);
    expect(seriesOf(measures.duration)).toEqual([`http1 preview ${expected} service`]);
  });

  it('counts waits, dials and limits by their outcome', () => {
    const measures = new RelayMeasures();
    measures.observeWait(true, 1);
    measures.observeWait(false, 1);
    for (const via of ['tunnel', 'hop', 'app'] as const) {
      measures.observeDial(via, true, 1);
      measures.observeDial(via, false, 1);
    }
    measures.countLimit('body_size');
    expect(seriesOf(measures.wait)).toEqual(['served', 'failed']);
    expect(seriesOf(measures.dial)).toEqual([
      'tunnel ok',
      'tunnel failed',
      'hop ok',
      'hop failed',
      'app ok',
      'app failed',
    ]);
    expect(Array.from({ length: measures.limits.seriesCount }, (_, i) => measures.limits.read(i))).toEqual([
      0, 0, 0, 0, 1, 0, 0,
    ]);
  });
});
