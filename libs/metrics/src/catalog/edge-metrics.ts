import type { Definitions } from './definition.js';

const EDGE = ['edge'] as const;

const PROTOCOL = ['http1', 'http2', 'websocket', 'replay'] as const;
const ROUTE = ['preview', 'app', 'service', 'none'] as const;
const STATUS = ['1xx', '2xx', '3xx', '4xx', '5xx', 'none'] as const;
const KIND = ['native', 'telepresence'] as const;

/** Metrics of edges. */
export const EDGE_METRICS = {
  culvert_request_duration_seconds: {
    type: 'histogram',
    help: 'Time from the head of a request until its exchange ended. `none`: the visitor left before an answer.',
    programs: EDGE,
    labels: { protocol: PROTOCOL, route: ROUTE, status: STATUS, answered_by: ['service', 'culvert'] },
  },
  culvert_time_to_first_byte_seconds: {
    type: 'histogram',
    help: 'Time from the head of a request until the head of its response arrived from the service.',
    programs: EDGE,
    labels: { protocol: PROTOCOL, route: ROUTE, status: STATUS },
  },
  culvert_manager_wait_seconds: {
    type: 'histogram',
    help: 'Time that a request waited for a traffic manager to connect, or for room on its tunnels. Requests that did not wait do not count.',
    programs: EDGE,
    labels: { outcome: ['served', 'failed'] },
  },
  culvert_dial_seconds: {
    type: 'histogram',
    help: 'Time until a new stream to a service was connected, or failed. Streams that are used again do not count.',
    programs: EDGE,
    labels: { via: ['tunnel', 'hop', 'app'], outcome: ['ok', 'failed'] },
  },
  culvert_hop_seconds: {
    type: 'histogram',
    help: 'Time from the arrival of a stream of another edge until the service was connected, or the stream failed.',
    programs: EDGE,
    labels: { outcome: ['ok', 'failed'] },
  },
  culvert_tls_handshake_seconds: {
    type: 'histogram',
    help: 'Time of TLS handshakes with visitors and traffic managers, from the accepted connection on.',
    programs: EDGE,
    labels: { protocol: ['http1', 'http2', 'none'], outcome: ['ok', 'failed'] },
  },
  culvert_visitor_connections: { type: 'gauge', help: 'Open connections of visitors.', programs: EDGE },
  culvert_visitor_connections_total: { type: 'counter', help: 'Connections accepted.', programs: EDGE },
  culvert_visitor_bytes_received_total: { type: 'counter', help: 'Bytes from visitors.', programs: EDGE },
  culvert_visitor_bytes_sent_total: { type: 'counter', help: 'Bytes to visitors.', programs: EDGE },
  culvert_exchanges_open: {
    type: 'gauge',
    help: 'Requests in progress, open WebSockets included.',
    programs: EDGE,
  },
  culvert_exchanges_total: {
    type: 'counter',
    help: 'Requests answered by a service.',
    programs: EDGE,
  },
  culvert_failures_total: {
    type: 'counter',
    help: 'Requests that the edge answered with an error of its own.',
    programs: EDGE,
    labels: { code: 'codes of [errors](operations.md#what-an-error-means)' },
  },
  culvert_limit_refusals_total: {
    type: 'counter',
    help: 'Connections, requests and tunnels refused because a limit was reached.',
    programs: EDGE,
    labels: {
      limit: [
        'connections_per_address',
        'requests_per_preview',
        'requests_per_team',
        'streams_per_tunnel',
        'body_size',
        'tunnels',
        'sessions_per_team',
      ],
    },
  },
  culvert_replays_total: {
    type: 'counter',
    help: 'Requests [replayed](security.md#replays) for people.',
    programs: EDGE,
    labels: { outcome: ['answered', 'failed'] },
  },
  culvert_exchange_log_omitted_total: {
    type: 'counter',
    help: 'Log lines of exchanges that were left out because there were too many.',
    programs: EDGE,
  },
  culvert_kept_exchanges_total: {
    type: 'counter',
    help: 'Exchanges that [previews keep](security.md#kept-exchanges). `omitted`: left out, because there were too many or the database did not accept them.',
    programs: EDGE,
    labels: { outcome: ['kept', 'omitted'] },
  },
  culvert_route_cache_entries: {
    type: 'gauge',
    help: 'Hostnames whose route, or absence, is cached.',
    programs: EDGE,
  },
  culvert_route_lookups_total: {
    type: 'counter',
    help: 'Look-ups of routes: in the cache (`hit`), or in the database, which found one, found none, or failed; `refused`: too many at once.',
    programs: EDGE,
    labels: { result: ['hit', 'found', 'unknown', 'failed', 'refused'] },
  },
  culvert_gate_lookup_seconds: {
    type: 'histogram',
    help: 'Time in which the gate looked up a credential that it did not know. `none`: no one may enter with it. Public previews need none.',
    programs: EDGE,
    labels: { credential: ['api-key', 'preview-token', 'visit', 'none', 'failed'] },
  },
  culvert_tunnels: {
    type: 'gauge',
    help: 'Open tunnels. `leg`: how many tunnels its traffic manager had to other edges when it opened, and one.',
    programs: EDGE,
    labels: { kind: KIND, leg: ['1', '2', '3', '4', '5', '6', '7', '8'] },
  },
  culvert_tunnels_from_memory: {
    type: 'gauge',
    help: 'Open tunnels that were accepted while the database was away, and are not registered yet.',
    programs: EDGE,
  },
  culvert_tunnel_opens_total: {
    type: 'counter',
    help: 'Tunnels opened. `resumed`: their session existed before.',
    programs: EDGE,
    labels: { kind: KIND, session: ['new', 'resumed'] },
  },
  culvert_tunnel_closes_total: {
    type: 'counter',
    help: 'Tunnels that ended.',
    programs: EDGE,
    labels: {
      kind: KIND,
      reason:
        'reasons of the history of connections, such as `connection_lost`, `superseded`, `liveness_lost`',
    },
  },
  culvert_tunnel_round_trip_seconds: {
    type: 'histogram',
    help: 'Round trips of open tunnels: the last one of each, every ten seconds.',
    programs: EDGE,
    labels: { kind: KIND },
  },
  culvert_streams: { type: 'gauge', help: 'Open streams on all tunnels.', programs: EDGE },
  culvert_edges: {
    type: 'gauge',
    help: 'Edges that this one knows to be alive, itself included. Each worker counts.',
    programs: EDGE,
  },
  culvert_links: { type: 'gauge', help: 'Edges that this one has links to.', programs: EDGE },
  culvert_link_connections: {
    type: 'gauge',
    help: 'Open links, of which there may be several to one edge.',
    programs: EDGE,
  },
  culvert_hops: {
    type: 'gauge',
    help: 'Open streams of other edges on tunnels of this one.',
    programs: EDGE,
  },
  culvert_directory_connected: {
    type: 'gauge',
    help: 'Whether the directory of edges reads and writes Redis: 1 or 0.',
    programs: EDGE,
  },
  culvert_directory_complete: {
    type: 'gauge',
    help: 'Whether Redis has everything that this edge holds: 1 or 0.',
    programs: EDGE,
  },
  culvert_directory_held: {
    type: 'gauge',
    help: 'Traffic managers that this edge holds tunnels of, as it reports them to others.',
    programs: EDGE,
  },
  culvert_directory_cached: {
    type: 'gauge',
    help: 'Traffic managers whose edges this one has in memory.',
    programs: EDGE,
  },
  culvert_link_failures_total: {
    type: 'counter',
    help: 'Attempts to open a link that failed, and links that broke.',
    programs: EDGE,
    labels: {
      cause:
        '`secrets_differ`, `certificate`, `not_an_edge`, `other_edge`, `unreachable`, `timeout`, `refused`, `lost`',
    },
  },
  culvert_link_refusals_total: {
    type: 'counter',
    help: 'Connections to the port of links that were refused.',
    programs: EDGE,
    labels: {
      cause: '`secrets_differ`, `no_proof`, `too_many`, `too_slow`, `handshake`, `cannot_accept`',
    },
  },
  culvert_workers: {
    type: 'gauge',
    help: 'Workers of the edge that run. Only with several workers.',
    programs: EDGE,
  },
  culvert_worker_restarts_total: {
    type: 'counter',
    help: 'Workers that ended and were started again. Only with several workers.',
    programs: EDGE,
  },
} as const satisfies Definitions;
