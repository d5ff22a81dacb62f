import { Counter, Gauge, type Registry } from 'prom-client';
import type { Fleet, FleetFigures } from '@culvert/fleet';
import type { Relay } from '@culvert/relay';
import type { Replays } from './replays/replays.js';
import type { TunnelSessions } from './tunnels/tunnel-sessions.js';

/** The parts of an edge whose counters become metrics. */
export interface MeteredParts {
  readonly relay: Relay;
  readonly tunnels: TunnelSessions;
  readonly replays: Pick<Replays, 'counts'>;
  /** Null: the edge has no links. */
  readonly fleet: Fleet | null;
}

/** Registers the edge's own counters. Nothing is counted twice, and nothing is computed between scrapes. */
export function registerEdgeMetrics(
  registry: Registry,
  { relay, tunnels, replays, fleet }: MeteredParts,
): void {
  gauge(
    registry,
    'culvert_visitor_connections',
    'Open connections of visitors.',
    () => relay.connectionCount,
  );
  gauge(registry, 'culvert_tunnels', 'Open tunnels.', () => tunnels.count);
  gauge(
    registry,
    'culvert_tunnels_from_memory',
    'Open tunnels that were accepted while the database was away, and are not registered yet.',
    () => tunnels.unregisteredCount,
  );
  gauge(registry, 'culvert_streams', 'Open streams on all tunnels.', () => tunnels.streamCount);
  counter(
    registry,
    'culvert_visitor_connections_total',
    'Connections accepted.',
    () => relay.counters.connections,
  );
  counter(
    registry,
    'culvert_exchanges_total',
    'Exchanges answered by a service.',
    () => relay.counters.exchanges,
  );
  counter(
    registry,
    'culvert_visitor_bytes_received_total',
    'Bytes from visitors.',
    () => relay.counters.bytesIn,
  );
  counter(registry, 'culvert_visitor_bytes_sent_total', 'Bytes to visitors.', () => relay.counters.bytesOut);
  counters(
    registry,
    'culvert_failures_total',
    'Requests answered by the edge itself, by error code.',
    'code',
    () => Object.entries(relay.counters.failures),
  );
  counters(registry, 'culvert_replays_total', 'Requests replayed for people, by outcome.', 'outcome', () =>
    Object.entries(replays.counts),
  );
  registerFleetMetrics(registry, fleet);
}

/** Registers the figures of the other edges. An edge without a fleet is the only one that it knows. */
function registerFleetMetrics(registry: Registry, fleet: Pick<Fleet, 'figures'> | null): void {
  const ofFleet = (name: string, help: string, read: (figures: FleetFigures) => number, alone = 0): void =>
    gauge(registry, name, help, () => (fleet === null ? alone : read(fleet.figures)));
  ofFleet(
    'culvert_edges',
    'Edges that this one knows to be alive, itself included.',
    ({ directory }) => directory.edges + 1,
    1,
  );
  ofFleet('culvert_links', 'Edges that this one has links to.', ({ links }) => links);
  ofFleet(
    'culvert_link_connections',
    'Open links, of which there may be several to one edge.',
    (figures) => figures.linkConnections,
  );
  ofFleet('culvert_hops', 'Open streams of other edges on tunnels of this one.', ({ hops }) => hops);
  if (fleet === null) return;
  ofFleet(
    'culvert_directory_connected',
    'Whether the directory of edges reads and writes Redis: 1 or 0.',
    ({ directory }) => Number(directory.isConnected),
  );
  ofFleet(
    'culvert_directory_complete',
    'Whether Redis has everything that this edge holds: 1 or 0.',
    ({ directory }) => Number(directory.isComplete),
  );
  ofFleet(
    'culvert_directory_held',
    'Traffic managers that this edge holds tunnels of, as it reports them to others.',
    ({ directory }) => directory.held,
  );
  ofFleet(
    'culvert_directory_cached',
    'Traffic managers whose holders this edge keeps in memory.',
    ({ directory }) => directory.cached,
  );
  counters(
    registry,
    'culvert_link_failures_total',
    'Attempts to open a link that failed, and links that broke, by cause.',
    'cause',
    () => Object.entries(fleet.figures.failures),
  );
  counters(
    registry,
    'culvert_link_refusals_total',
    'Connections to the port of links that were refused, by cause.',
    'cause',
    () => Object.entries(fleet.figures.refusals),
  );
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  const metric = new Gauge({
    name,
    help,
    registers: [],
    collect() {
      this.set(read());
    },
  });
  registry.registerMetric(metric);
}

function counters(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  read: () => readonly (readonly [value: string, count: number])[],
): void {
  const metric = new Counter({
    name,
    help,
    labelNames: [label],
    registers: [],
    collect() {
      this.reset();
      for (const [value, count] of read()) this.inc({ [label]: value }, count);
    },
  });
  registry.registerMetric(metric);
}

function counter(registry: Registry, name: string, help: string, read: () => number): void {
  const metric = new Counter({
    name,
    help,
    registers: [],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
  registry.registerMetric(metric);
}
