import type { MeasuredEventBus } from '@culvert/events';
import type { Counts, Histogram } from '@culvert/measure';
import type { Metrics, Sample } from '@culvert/metrics';

/** What is measured of a database. Implemented by `DatabaseMeasures` of libs/store, which this package does not know. */
export interface MeasuredDatabase {
  readonly queries: Histogram;
  connections(): Iterable<Sample>;
  waiting(): Iterable<Sample>;
}

export interface MeasuredServerParts {
  readonly database: MeasuredDatabase;
  readonly bus: Pick<MeasuredEventBus, 'publishTimes' | 'pingTimes' | 'received'> & { readonly gaps: Counts };
}

/** Registers what every server process measures of its database and of the event bus. */
export function registerServerMetrics(metrics: Metrics, { database, bus }: MeasuredServerParts): void {
  metrics.histogram('culvert_database_query_seconds', database.queries);
  metrics.samples('culvert_database_connections', () => database.connections());
  metrics.samples('culvert_database_waiting', () => database.waiting());
  metrics.histogram('culvert_event_publish_seconds', bus.publishTimes);
  metrics.histogram('culvert_redis_ping_seconds', bus.pingTimes);
  metrics.counts('culvert_events_received_total', bus.received);
  metrics.counts('culvert_event_gaps_total', bus.gaps);
}
