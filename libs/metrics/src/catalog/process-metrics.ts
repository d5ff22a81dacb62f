import { type Definitions, PROGRAMS } from './definition.js';

const SERVERS = ['edge', 'api'] as const;

/** Metrics of every process, and of the parts that server processes share. */
export const PROCESS_METRICS = {
  culvert_build_info: {
    type: 'gauge',
    help: 'Version of the program, with the value 1.',
    programs: PROGRAMS,
    labels: { program: 'name of the program', version: 'its version', node_version: 'version of Node.js' },
  },
  culvert_dependency_up: {
    type: 'gauge',
    help: 'Whether a dependency of this process answers: 1 or 0.',
    programs: SERVERS,
    labels: { dependency: '`store` (the database) and, with `REDIS_URL`, `redis`' },
  },
  culvert_database_query_seconds: {
    type: 'histogram',
    help: 'Time that a query took, waiting for a connection included.',
    programs: SERVERS,
    labels: { pool: ['callers', 'background'], outcome: ['ok', 'failed', 'unavailable'] },
  },
  culvert_database_connections: {
    type: 'gauge',
    help: 'Connections to the database.',
    programs: SERVERS,
    labels: { pool: ['callers', 'background'], state: ['busy', 'idle'] },
  },
  culvert_database_waiting: {
    type: 'gauge',
    help: 'Queries that wait for a connection to the database.',
    programs: SERVERS,
    labels: { pool: ['callers', 'background'] },
  },
  culvert_event_publish_seconds: {
    type: 'histogram',
    help: 'Time until the event bus accepted an event.',
    programs: SERVERS,
    labels: { outcome: ['ok', 'failed'] },
  },
  culvert_events_received_total: {
    type: 'counter',
    help: 'Events received from the event bus, those of this process included.',
    programs: SERVERS,
    labels: { type: 'types of events, such as `preview.changed`' },
  },
  culvert_event_gaps_total: {
    type: 'counter',
    help: 'Outages of the event bus after which this process distrusted what it had cached.',
    programs: SERVERS,
  },
  culvert_redis_ping_seconds: {
    type: 'histogram',
    help: 'Time until Redis answered a ping, which probes and scrapes send.',
    programs: SERVERS,
    labels: { outcome: ['ok', 'failed'] },
  },
  culvert_certificate_expiry_timestamp_seconds: {
    type: 'gauge',
    help: 'Time when a certificate in use expires, in seconds since 1970.',
    programs: ['edge', 'traffic-manager'],
    labels: { use: ['public', 'links', 'meeting_point'] },
  },
} as const satisfies Definitions;
