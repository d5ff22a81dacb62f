/**
 * Every metric of Culvert: what programs register, and what docs/metrics.md lists. Names stay: dashboards and alerts of
 * operators use them.
 */
import { API_METRICS } from './api-metrics.js';
import { CLUSTER_METRICS } from './cluster-metrics.js';
import type { MetricDefinition } from './definition.js';
import { EDGE_METRICS } from './edge-metrics.js';
import { PROCESS_METRICS } from './process-metrics.js';

const ALL = { ...PROCESS_METRICS, ...EDGE_METRICS, ...API_METRICS, ...CLUSTER_METRICS } as const;

export type MetricName = keyof typeof ALL;

export const CATALOG: Readonly<Record<MetricName, MetricDefinition>> = ALL;
