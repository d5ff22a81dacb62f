import type { Metrics } from './metrics.js';
import { METRICS_TYPE } from './metrics-type.js';

/**
 * Returns the page of metrics of a program that runs in a cluster. The library that writes it is loaded with the first
 * request, so that a program without Prometheus never loads it.
 */
export function metricsPages(
  about: { readonly program: string; readonly version: string },
  register: (metrics: Metrics) => void,
) {
  let registered: Promise<Metrics> | null = null;
  const load = async (): Promise<Metrics> => {
    const { Metrics: Loaded } = await import('./metrics.js');
    const metrics = new Loaded(about);
    register(metrics);
    return metrics;
  };
  return {
    '/metrics': async () => {
      const metrics = await (registered ??= load());
      return { status: 200, contentType: METRICS_TYPE, body: await metrics.page() };
    },
  };
}
