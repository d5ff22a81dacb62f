/**
 * Durations by labels, counted in place: an observation is a search through at most twenty numbers and two additions,
 * without an object, a closure or a string.
 */
import { type Label, seriesCount, seriesOf } from './labels.js';

/** Upper bounds for requests and other work that may take a minute, in milliseconds. */
export const REQUEST_BOUNDS_MS: readonly number[] = [
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000,
];

/** Upper bounds for steps of a request, which rarely take seconds, in milliseconds. */
export const STEP_BOUNDS_MS: readonly number[] = [
  0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000,
];

/** The durations of one series. */
export interface Distribution {
  /** Numbers of durations up to each bound, each with those up to the bounds before it. */
  readonly cumulative: readonly number[];
  readonly count: number;
  readonly sumMs: number;
}

export class Histogram {
  /** For each series one count per bound, and one for what exceeds the last bound. */
  private readonly counts: Float64Array;
  private readonly sums: Float64Array;
  private readonly boundsMs: Float64Array;
  private readonly width: number;

  /** @param bounds ascending upper bounds in milliseconds; a duration equal to a bound is within it */
  constructor(
    readonly labels: readonly Label[] = [],
    readonly bounds: readonly number[] = STEP_BOUNDS_MS,
  ) {
    this.boundsMs = Float64Array.from(bounds);
    this.width = bounds.length + 1;
    this.counts = new Float64Array(seriesCount(labels) * this.width);
    this.sums = new Float64Array(seriesCount(labels));
  }

  get seriesCount(): number {
    return this.sums.length;
  }

  /** Counts a duration. @param series as `seriesOf` returns it; a number that is not a series counts nowhere */
  observe(series: number, ms: number): void {
    const { boundsMs, counts, sums } = this;
    if (series < 0 || series >= sums.length) return;
    let i = 0;
    while (i < boundsMs.length && ms > boundsMs[i]) i++;
    counts[series * this.width + i]++;
    sums[series] += ms;
  }

  /** Counts a duration of the series with these values, in the order of the labels. Not for hot paths. */
  observeAs(values: readonly string[], ms: number): void {
    this.observe(seriesOf(this.labels, values), ms);
  }

  /** Returns what was counted in a series, or null if nothing was. */
  read(series: number): Distribution | null {
    const { width, counts, sums } = this;
    const cumulative: number[] = [];
    let count = 0;
    for (let i = 0; i < width; i++) {
      count += counts[series * width + i];
      if (i < width - 1) cumulative.push(count);
    }
    return count === 0 ? null : { cumulative, count, sumMs: sums[series] };
  }
}
