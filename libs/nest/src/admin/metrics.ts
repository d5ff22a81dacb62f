import { Metrics } from '@culvert/metrics';
import type { Readiness } from '@culvert/runtime';

/** Creates the metrics of a server process, with the state of its dependencies. */
export function createMetrics(
  about: { readonly program: string; readonly version: string },
  readiness: Pick<Readiness, 'check'>,
): Metrics {
  const metrics = new Metrics(about);
  metrics.samples('culvert_dependency_up', async () =>
    Object.entries(await readiness.check()).map(
      ([dependency, result]) => [[dependency], result === 'ok' ? 1 : 0] as const,
    ),
  );
  return metrics;
}
