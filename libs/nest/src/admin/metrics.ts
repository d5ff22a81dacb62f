import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Readiness } from '@culvert/runtime';

/** Injects the process's Prometheus `Registry`. */
export const METRICS = Symbol('Metrics');

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Creates a registry that measures the process (memory, CPU, event loop, garbage collection) and its dependencies. */
export function createMetrics(readiness: Pick<Readiness, 'check'>): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const up = new Gauge({
    name: 'culvert_dependency_up',
    help: 'Whether a dependency of this process answers.',
    labelNames: ['dependency'],
    registers: [],
    async collect() {
      for (const [dependency, result] of Object.entries(await readiness.check())) {
        this.set({ dependency }, result === 'ok' ? 1 : 0);
      }
    },
  });
  registry.registerMetric(up);
  return registry;
}
