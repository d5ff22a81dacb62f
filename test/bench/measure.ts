import type { Scope } from './scope.js';

export interface Effort {
  /** Number of measurements of each way; the ways take turns, so that a disturbance affects all of them. */
  readonly rounds: number;
  /** Length of one measurement. */
  readonly seconds: number;
}

/** One table of the report: a row per quantity, a column per way. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  /** The columns whose quotient is another column. */
  readonly ratio?: { readonly of: string; readonly to: string };
  readonly rows: readonly Row[];
}

export interface Row {
  readonly label: string;
  /** By column: the median of the rounds; null if it does not apply. */
  readonly values: Readonly<Record<string, number | null>>;
  readonly digits: number;
}

/** A figure of the report, and its target. */
export interface Figure {
  readonly measure: string;
  /** Null if it could not be measured here. */
  readonly value: number | null;
  readonly unit: string;
  readonly target: Target | null;
}

export interface Target {
  readonly comparison: '>=' | '<=';
  readonly value: number;
}

export interface MeasureResult {
  readonly tables: readonly Table[];
  readonly figures: readonly Figure[];
  /** Facts that a reader needs for the figures. */
  readonly notes: readonly string[];
}

export interface Measure {
  readonly name: string;
  /** Starts what it needs in `scope`, which the caller closes. */
  readonly run: (scope: Scope, effort: Effort) => Promise<MeasureResult>;
}

export function atLeast(value: number): Target {
  return { comparison: '>=', value };
}

export function atMost(value: number): Target {
  return { comparison: '<=', value };
}

/** A figure without a target helps to read the others. */
export function figure(
  measure: string,
  value: number | null,
  unit: string,
  target: Target | null = null,
): Figure {
  return { measure, value, unit, target };
}

const WARM_UP_SECONDS = 2;

/**
 * Measures every way once to warm it up, and then `rounds` times. The way that begins changes with every round.
 * Each value of the result is the median of its rounds.
 */
export async function medianOfRounds<W extends string, K extends string>(
  ways: readonly W[],
  { rounds, seconds }: Effort,
  measureOnce: (way: W, seconds: number) => Promise<Record<K, number>>,
): Promise<Record<W, Record<K, number>>> {
  const samples = new Map<W, Record<K, number>[]>(ways.map((way) => [way, []]));
  for (const way of ways) await measureOnce(way, Math.min(seconds, WARM_UP_SECONDS));
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < ways.length; turn += 1) {
      const way = ways[(round + turn) % ways.length];
      samples.get(way)!.push(await measureOnce(way, seconds));
    }
  }
  return Object.fromEntries(ways.map((way) => [way, medians(samples.get(way)!)])) as Record<
    W,
    Record<K, number>
  >;
}

function medians<K extends string>(samples: readonly Record<K, number>[]): Record<K, number> {
  const keys = Object.keys(samples[0]) as K[];
  return Object.fromEntries(keys.map((key) => [key, median(samples.map((sample) => sample[key]))])) as Record<
    K,
    number
  >;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Returns the value below which `share` of the sorted values lie. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
