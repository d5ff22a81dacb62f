/** What the supervisor of an edge and its workers tell each other. Both are always of the same version. */
import type { ReadinessReport } from '@culvert/runtime';
import type { MetricObject } from 'prom-client';

/** Numbers of connections by network. */
export type PlaceCounts = readonly (readonly [network: string, count: number])[];

/** From the supervisor. */
export type Order =
  /** Stop as after a signal. */
  | { readonly kind: 'stop' }
  | { readonly kind: 'report-readiness'; readonly id: number }
  | { readonly kind: 'report-metrics'; readonly id: number }
  /** How many connections of these networks other workers hold. */
  | { readonly kind: 'places'; readonly counts: PlaceCounts };

/** From a worker. */
export type Report =
  | { readonly kind: 'serving'; readonly port: number }
  | { readonly kind: 'readiness'; readonly id: number; readonly report: ReadinessReport }
  | { readonly kind: 'metrics'; readonly id: number; readonly metrics: readonly MetricObject[] }
  /** How many connections of these networks it holds. */
  | { readonly kind: 'places'; readonly counts: PlaceCounts };
