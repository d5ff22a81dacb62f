/** One label of a metric, with every value that it can have. The sets are closed, so nothing that a client sends adds a series. */
export interface Label {
  readonly name: string;
  readonly values: readonly string[];
}

/** Returns how many combinations of values `labels` have. */
export function seriesCount(labels: readonly Label[]): number {
  return labels.reduce((count, { values }) => count * values.length, 1);
}

/**
 * Returns the number of the series with these values, which are in the order of `labels`. The values of the last label
 * follow each other. Returns -1 if a value is not one of its label's: nothing counts there.
 */
export function seriesOf(labels: readonly Label[], values: readonly string[]): number {
  let series = 0;
  for (let i = 0; i < labels.length; i++) {
    const at = labels[i].values.indexOf(values[i] ?? '');
    if (at < 0) return -1;
    series = series * labels[i].values.length + at;
  }
  return series;
}

/** Returns the values of a series, as an object by the names of the labels. */
export function labelsOf(labels: readonly Label[], series: number): Record<string, string> {
  const found: Record<string, string> = {};
  let rest = series;
  for (let i = labels.length - 1; i >= 0; i--) {
    const { name, values } = labels[i];
    found[name] = values[rest % values.length];
    rest = Math.floor(rest / values.length);
  }
  return found;
}
