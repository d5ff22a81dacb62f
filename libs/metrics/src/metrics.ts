/**
 * The metrics of one process. Parts of the program count in place and know nothing of this: their numbers are read when
 * Prometheus asks.
 */
import { type Counts, type Histogram, type Label, labelsOf } from '@culvert/measure';
import { collectDefaultMetrics, type MetricObject, Registry } from 'prom-client';
import { CATALOG, type MetricName } from './catalog/catalog.js';
import type { MetricDefinition } from './catalog/definition.js';

/** Counts with more series than this show only those that are not 0. Others show all, so that a first increase is seen. */
const MAX_EMPTY_SERIES = 64;

/**
 * Figures of Node that this leaves out: they list every socket of the process at each scrape, and their names break the
 * rules of Prometheus.
 */
const COSTLY = ['nodejs_active_handles', 'nodejs_active_requests', 'nodejs_active_resources'];

/** One value of a metric with labels: the values of its labels in the order of the catalog, and the number. */
export type Sample = readonly [values: readonly string[], value: number];

interface Value {
  readonly labels: Record<string, string | number>;
  readonly value: number;
  readonly metricName?: string;
}

export class Metrics {
  readonly registry = new Registry();

  /** @param program its name, as in its log */
  constructor(about: { readonly program: string; readonly version: string }) {
    collectDefaultMetrics({ register: this.registry });
    for (const name of COSTLY) {
      this.registry.removeSingleMetric(name);
      this.registry.removeSingleMetric(`${name}_total`);
    }
    this.samples('culvert_build_info', () => [[[about.program, about.version, process.version], 1]]);
  }

  /** Registers a gauge or counter without labels. */
  value(name: MetricName, read: () => number): void {
    this.register(name, [], () => [{ labels: {}, value: read() }]);
  }

  /** Registers a gauge or counter with labels. Label values must come from a closed set. */
  samples(name: MetricName, read: () => Iterable<Sample> | Promise<Iterable<Sample>>): void {
    const names = Object.keys(CATALOG[name].labels ?? {});
    this.register(name, null, async () =>
      Array.from(await read(), ([values, value]) => ({
        labels: Object.fromEntries(names.map((label, i) => [label, values[i] ?? ''])),
        value,
      })),
    );
  }

  counts(name: MetricName, counts: Counts): void {
    const { labels, seriesCount } = counts;
    this.register(name, labels, () => {
      const values: Value[] = [];
      for (let series = 0; series < seriesCount; series++) {
        const value = counts.read(series);
        if (value !== 0 || seriesCount <= MAX_EMPTY_SERIES)
          values.push({ labels: labelsOf(labels, series), value });
      }
      return values;
    });
  }

  /** Registers a histogram. Series without an observation are not shown. */
  histogram(name: MetricName, histogram: Histogram): void {
    this.register(name, histogram.labels, () => {
      const values: Value[] = [];
      for (let series = 0; series < histogram.seriesCount; series++) {
        const found = histogram.read(series);
        if (found === null) continue;
        const labels = labelsOf(histogram.labels, series);
        const bucket = (le: number | string, value: number): void =>
          void values.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value });
        found.cumulative.forEach((count, i) => bucket(histogram.bounds[i] / 1000, count));
        bucket('+Inf', found.count);
        values.push({ metricName: `${name}_sum`, labels, value: found.sumMs / 1000 });
        values.push({ metricName: `${name}_count`, labels, value: found.count });
      }
      return values;
    });
  }

  /** Returns numbers of this process in the form of `toJson`, for one that has no other metrics. */
  static plainJson(values: Partial<Record<MetricName, number>>): MetricObject[] {
    return Object.entries(values).map(([name, value]) => {
      const { help, type } = CATALOG[name as MetricName];
      return {
        name,
        help: plain(help),
        type,
        aggregator: 'sum',
        values: [{ labels: {}, value }],
      } as unknown as MetricObject;
    });
  }

  /** Returns the page that Prometheus reads. */
  page(): Promise<string> {
    return this.registry.metrics();
  }

  /** Returns all metrics for another process that adds them up. */
  toJson(): Promise<MetricObject[]> {
    return this.registry.getMetricsAsJSON();
  }

  /** @param labels those that the numbers have; null: those of the catalog */
  private register(
    name: MetricName,
    labels: readonly Label[] | null,
    read: () => readonly Value[] | Promise<readonly Value[]>,
  ): void {
    const definition = CATALOG[name];
    const problem = labels === null ? null : problemOf(definition, labels);
    if (problem !== null) throw new Error(`${name}: ${problem}`);
    const { help, type } = definition;
    const about = { name, help: plain(help), type, aggregator: 'sum' as const };
    const metric = { ...about, get: async () => ({ ...about, values: await read() }) };
    this.registry.registerMetric(metric as unknown as Parameters<Registry['registerMetric']>[0]);
  }
}

/** Returns how `labels` differ from the catalog's, or null. Both are closed sets, so a program that starts has no such difference. */
function problemOf(definition: MetricDefinition, labels: readonly Label[]): string | null {
  const expected = Object.entries(definition.labels ?? {});
  if (expected.map(([name]) => name).join() !== labels.map(({ name }) => name).join())
    return `its labels are ${labels.map(({ name }) => name).join(', ')}, and the catalog has others`;
  for (const [i, [name, values]] of expected.entries())
    if (typeof values !== 'string' && values.join() !== labels[i].values.join())
      return `the values of ${name} are not those of the catalog`;
  return null;
}

/** Returns a text without its links and code marks. */
export function plain(markdown: string): string {
  return markdown.replace(/\[([^\]]+)\]\([^)]+\)/g, '$1').replaceAll('`', '');
}
