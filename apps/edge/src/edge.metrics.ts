import type { Fleet, FleetFigures } from '@culvert/fleet';
import type { MetricName, Metrics } from '@culvert/metrics';
import { certificateExpiry } from '@culvert/runtime';
import { RELAY_ERROR_CODES, type Relay, type RelayMeasures, type Router } from '@culvert/relay';
import type { ExchangeLog } from './exchanges/exchange-log.js';
import type { KeptExchangeWriter } from './exchanges/kept-exchange-writer.js';
import type { PublicListener } from './listener/public-listener.js';
import type { PreviewGate } from './previews/preview-gate.js';
import type { Replays } from './replays/replays.js';
import type { TunnelSessions } from './tunnels/tunnel-sessions.js';

/** The parts of an edge whose numbers become metrics. */
export interface MeteredParts {
  readonly relay: Relay;
  readonly measures: RelayMeasures;
  readonly router: Pick<Router, 'results' | 'size'>;
  readonly gate: Pick<PreviewGate, 'lookupTimes'>;
  readonly tunnels: TunnelSessions;
  readonly replays: Pick<Replays, 'counts'>;
  readonly exchangeLog: Pick<ExchangeLog, 'omitted'>;
  /** Null: the edge keeps no exchanges. */
  readonly kept: Pick<KeptExchangeWriter, 'counts'> | null;
  /** Null: the edge has no links. */
  readonly fleet: Fleet | null;
}

/** Registers the edge's own numbers. Nothing is counted twice, and nothing is computed between scrapes. */
export function registerEdgeMetrics(metrics: Metrics, parts: MeteredParts): void {
  const { relay, measures, router, gate, replays, exchangeLog, kept } = parts;
  metrics.histogram('culvert_request_duration_seconds', measures.duration);
  metrics.histogram('culvert_time_to_first_byte_seconds', measures.firstByte);
  metrics.histogram('culvert_manager_wait_seconds', measures.wait);
  metrics.histogram('culvert_dial_seconds', measures.dial);
  metrics.counts('culvert_limit_refusals_total', measures.limits);
  metrics.value('culvert_visitor_connections', () => relay.connectionCount);
  metrics.value('culvert_visitor_connections_total', () => relay.counters.connections);
  metrics.value('culvert_visitor_bytes_received_total', () => relay.counters.bytesIn);
  metrics.value('culvert_visitor_bytes_sent_total', () => relay.counters.bytesOut);
  metrics.value('culvert_exchanges_open', () => relay.exchangeCount);
  metrics.value('culvert_exchanges_total', () => relay.counters.exchanges);
  metrics.samples('culvert_failures_total', () =>
    RELAY_ERROR_CODES.map((code) => [[code], relay.counters.failures[code] ?? 0] as const),
  );
  metrics.samples('culvert_replays_total', () => byName(replays.counts));
  metrics.value('culvert_exchange_log_omitted_total', () => exchangeLog.omitted);
  metrics.samples('culvert_kept_exchanges_total', () => byName(kept?.counts ?? { kept: 0, omitted: 0 }));
  metrics.value('culvert_route_cache_entries', () => router.size);
  metrics.counts('culvert_route_lookups_total', router.results);
  metrics.histogram('culvert_gate_lookup_seconds', gate.lookupTimes);
  registerTunnelMetrics(metrics, parts.tunnels);
  registerFleetMetrics(metrics, parts.fleet);
}

/** Registers the numbers of the public port, which opens before or after the edge is built. */
export function registerListenerMetrics(
  metrics: Metrics,
  listener: PublicListener,
  fleet: Pick<Fleet, 'certificate'> | null,
): void {
  metrics.histogram('culvert_tls_handshake_seconds', listener.handshakes);
  metrics.samples('culvert_certificate_expiry_timestamp_seconds', () => {
    const { certificateExpiry: ofPublic } = listener;
    const ofLinks = fleet?.certificate ?? null;
    return [
      ...(ofPublic === null ? [] : [[['public'], ofPublic] as const]),
      ...(ofLinks === null ? [] : [[['links'], certificateExpiry(ofLinks)] as const]),
    ];
  });
}

function registerTunnelMetrics(metrics: Metrics, tunnels: TunnelSessions): void {
  const { measures } = tunnels;
  metrics.samples('culvert_tunnels', () => measures.byLeg());
  metrics.value('culvert_tunnels_from_memory', () => tunnels.unregisteredCount);
  metrics.counts('culvert_tunnel_opens_total', measures.opens);
  metrics.counts('culvert_tunnel_closes_total', measures.closes);
  metrics.histogram('culvert_tunnel_round_trip_seconds', measures.roundTrip);
  metrics.value('culvert_streams', () => tunnels.streamCount);
}

/** Registers the figures of the other edges. An edge without a fleet is the only one that it knows. */
function registerFleetMetrics(metrics: Metrics, fleet: Fleet | null): void {
  const ofFleet = (name: MetricName, read: (figures: FleetFigures) => number, alone = 0): void =>
    metrics.value(name, () => (fleet === null ? alone : read(fleet.figures)));
  ofFleet('culvert_edges', ({ directory }) => directory.edges + 1, 1);
  ofFleet('culvert_links', ({ links }) => links);
  ofFleet('culvert_link_connections', (figures) => figures.linkConnections);
  ofFleet('culvert_hops', ({ hops }) => hops);
  if (fleet === null) return;
  metrics.histogram('culvert_hop_seconds', fleet.hopTimes);
  ofFleet('culvert_directory_connected', ({ directory }) => Number(directory.isConnected));
  ofFleet('culvert_directory_complete', ({ directory }) => Number(directory.isComplete));
  ofFleet('culvert_directory_held', ({ directory }) => directory.held);
  ofFleet('culvert_directory_cached', ({ directory }) => directory.cached);
  metrics.samples('culvert_link_failures_total', () => byName(fleet.figures.failures));
  metrics.samples('culvert_link_refusals_total', () => byName(fleet.figures.refusals));
}

function byName(counts: Readonly<Partial<Record<string, number>>>): [values: string[], count: number][] {
  return Object.entries(counts).map(([name, count]) => [[name], count ?? 0]);
}
