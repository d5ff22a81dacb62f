/** An edge that is one of several workers: the orders that it gets, and what it reports. */
import cluster from 'node:cluster';
import type { Readiness } from '@culvert/runtime';
import type { ConnectionPlaces } from '@culvert/relay';
import type { Metrics } from '@culvert/metrics';
import type { Order, Report } from './messages.js';

const PLACES_MS = 250;

/** Parts of an edge that its supervisor asks about. */
export interface WorkerParts {
  readonly readiness: Pick<Readiness, 'report'>;
  readonly metrics: Pick<Metrics, 'toJson'>;
  readonly places: ConnectionPlaces;
  /** Stops the process; may be called more than once. */
  readonly stop: (cause: string) => void;
}

/** Serves the supervisor of this process, which has one, until it ends. */
export function serveSupervisor({ readiness, metrics, places, stop }: WorkerParts, port: number): void {
  const handle = async (order: Order): Promise<void> => {
    switch (order.kind) {
      case 'stop':
        stop('the supervisor stops');
        return;
      case 'report-readiness':
        report({ kind: 'readiness', id: order.id, report: await readiness.report() });
        return;
      case 'report-metrics':
        report({ kind: 'metrics', id: order.id, metrics: await metrics.toJson() });
        return;
      case 'places':
        for (const [network, count] of order.counts) places.setElsewhere(network, count);
        return;
      default:
        throw new Error(`unknown order ${String((order satisfies never as { kind?: unknown }).kind)}`);
    }
  };
  process.on('message', (order: Order) => void handle(order));
  cluster.worker?.once('disconnect', () => {
    // Node would otherwise end this process at once. Only the supervisor accepts connections, but those that are open can
    // finish.
    if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true;
    stop('the supervisor is gone');
  });
  setInterval(() => {
    const counts = places.drainChanges();
    if (counts.length > 0) report({ kind: 'places', counts });
  }, PLACES_MS).unref();
  report({ kind: 'serving', port });
}

function report(message: Report): void {
  // A supervisor that has just ended hears nothing more; its end is handled.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}
