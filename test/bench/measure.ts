import { type Rig, type Way, WAYS } from './rig.js';

export interface Effort {
  /** How often each way is measured; the ways take turns, so that a noisy moment touches all of them. */
  readonly rounds: number;
  /** Length of one measurement. */
  readonly seconds: number;
}

/** One table of the report: a row per figure, a column per way. */
export interface Table {
  readonly title: string;
  readonly rows: readonly Row[];
}

export interface Row {
  readonly label: string;
  /** The median of the rounds; null where it does not apply. */
  readonly values: Readonly<Record<Way, number | null>>;
  readonly digits: number;
}

/** A figure of the report, and what it should be. */
export interface Figure {
  readonly measure: string;
  readonly value: number;
  readonly unit: string;
  readonly target: Target | null;
}

export interface Target {
  readonly comparison: '>=' | '<=';
  readonly value: number;
}

export interface MeasureResult {
  readonly table: Table;
  readonly figures: readonly Figure[];
}

export interface Measure {
  readonly name: string;
  readonly run: (rig: Rig, effort: Effort) => Promise<MeasureResult>;
}

const WARM_UP_SECONDS = 2;

/**
 * Measures every way once to warm it up, and then `rounds` times. The way that begins changes with every round.
 * Each value of the result is the median of its rounds.
 */
export async function medianOfRounds<K extends string>(
  { rounds, seconds }: Effort,
  measureOnce: (way: Way, seconds: number) => Promise<Record<K, number>>,
): Promise<Record<Way, Record<K, number>>> {
  const samples: Record<Way, Record<K, number>[]> = { direct: [], nginx: [], culvert: [] };
  for (const way of WAYS) await measureOnce(way, Math.min(seconds, WARM_UP_SECONDS));
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < WAYS.length; turn += 1) {
      const way = WAYS[(round + turn) % WAYS.length];
      samples[way].push(await measureOnce(way, seconds));
    }
  }
  return {
    direct: medians(samples.direct),
    nginx: medians(samples.nginx),
    culvert: medians(samples.culvert),
  };
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
