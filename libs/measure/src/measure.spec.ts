import { describe, expect, it } from 'vitest';
import { Counts } from './counts.js';
import { Histogram } from './histogram.js';
import { labelsOf, seriesCount, seriesOf } from './labels.js';

const LABELS = [
  { name: 'protocol', values: ['http1', 'http2'] },
  { name: 'status', values: ['2xx', '4xx', '5xx'] },
] as const;

describe('series', () => {
  it('have one number for each combination of values, and back', () => {
    const numbers = LABELS[0].values.flatMap((protocol) =>
      LABELS[1].values.map((status) => {
        const series = seriesOf(LABELS, [protocol, status]);
        expect(labelsOf(LABELS, series)).toEqual({ protocol, status });
        return series;
      }),
    );
    expect(numbers).toEqual([0, 1, 2, 3, 4, 5]);
    expect(seriesCount(LABELS)).toBe(6);
    expect(seriesCount([])).toBe(1);
  });

  it('do not exist for values that are not in their set', () => {
    expect(seriesOf(LABELS, ['http1', '299'])).toBe(-1);
    expect(seriesOf(LABELS, ['http1'])).toBe(-1);
  });
});

describe(Histogram.name, () => {
  it('counts a duration in every bucket from the first whose bound it does not exceed', () => {
    const histogram = new Histogram([], [1, 10, 100]);
    for (const ms of [0, 1, 1.5, 10, 99, 100.5, 5000]) histogram.observe(0, ms);
    expect(histogram.read(0)).toEqual({ cumulative: [2, 4, 5], count: 7, sumMs: 5212 });
  });

  it('keeps series apart, and knows which ones are empty', () => {
    const histogram = new Histogram(LABELS, [1]);
    histogram.observeAs(['http2', '4xx'], 3);
    expect(Array.from({ length: 6 }, (_, series) => histogram.read(series)?.count ?? 0)).toEqual([
      0, 0, 0, 0, 1, 0,
    ]);
  });

  it('ignores series that do not exist', () => {
    const histogram = new Histogram(LABELS, [1]);
    for (const series of [-1, 6, 100, NaN]) histogram.observe(series, 1);
    histogram.observeAs(['http9', '2xx'], 1);
    expect(Array.from({ length: 6 }, (_, series) => histogram.read(series))).toEqual(Array(6).fill(null));
  });
});

describe(Counts.name, () => {
  it('adds up by series, and ignores series that do not exist', () => {
    const counts = new Counts(LABELS);
    counts.addAs('http1', '5xx');
    counts.add(2, 4);
    counts.addAs('http3', '5xx');
    counts.add(6);
    counts.add(-1);
    expect(Array.from({ length: 6 }, (_, series) => counts.read(series))).toEqual([0, 0, 5, 0, 0, 0]);
  });
});
