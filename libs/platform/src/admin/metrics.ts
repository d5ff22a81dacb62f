import { collectDefaultMetrics, Registry } from 'prom-client';

/** Injects the process's Prometheus `Registry`. */
export const METRICS = Symbol('Metrics');

/** A registry that already measures the process itself: memory, CPU, event loop, garbage collection. */
export function createMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}
