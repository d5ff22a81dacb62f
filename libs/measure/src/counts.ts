import { type Label, seriesCount, seriesOf } from './labels.js';

/** Counts by labels, increased in place. */
export class Counts {
  private readonly numbers: Float64Array;

  constructor(readonly labels: readonly Label[] = []) {
    this.numbers = new Float64Array(seriesCount(labels));
  }

  get seriesCount(): number {
    return this.numbers.length;
  }

  /** @param series as `seriesOf` returns it; a number that is not a series counts nowhere */
  add(series: number, count = 1): void {
    if (series >= 0 && series < this.numbers.length) this.numbers[series] += count;
  }

  /** Counts one in the series with these values, in the order of the labels. Not for hot paths. */
  addAs(...values: string[]): void {
    this.add(seriesOf(this.labels, values));
  }

  read(series: number): number {
    return this.numbers[series];
  }
}
