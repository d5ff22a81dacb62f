import type { Definitions } from './definition.js';

const MANAGER = ['traffic-manager'] as const;
const AGENT = ['traffic-agent'] as const;
const DAEMON = ['pod-daemon'] as const;

/** Metrics of the programs that run in clusters. */
export const CLUSTER_METRICS = {
  culvert_manager_tunnels: { type: 'gauge', help: 'Open tunnels to edges.', programs: MANAGER },
  culvert_manager_tunnels_wanted: {
    type: 'gauge',
    help: 'Tunnels that the traffic manager keeps if there are enough edges (`CULVERT_TUNNELS`).',
    programs: MANAGER,
  },
  culvert_manager_tunnel_opens_total: { type: 'counter', help: 'Tunnels opened.', programs: MANAGER },
  culvert_manager_tunnel_closes_total: {
    type: 'counter',
    help: 'Tunnels that ended.',
    programs: MANAGER,
    labels: { code: 'codes of GOAWAY in [the protocol](protocol.md), in lower case' },
  },
  culvert_manager_dial_refusals_total: {
    type: 'counter',
    help: 'Attempts to reach an edge that failed.',
    programs: MANAGER,
    labels: { cause: ['unauthorized', 'forbidden', 'refused', 'unreachable'] },
  },
  culvert_manager_tunnel_round_trip_seconds: {
    type: 'histogram',
    help: 'Round trips to edges: the last one of each tunnel, every ten seconds.',
    programs: MANAGER,
  },
  culvert_manager_streams: { type: 'gauge', help: 'Open connections to ingresses.', programs: MANAGER },
  culvert_manager_dial_seconds: {
    type: 'histogram',
    help: 'Time until an ingress was connected, TLS included, or could not be.',
    programs: MANAGER,
    labels: {
      outcome: ['ok', 'refused', 'unreachable', 'dns', 'timeout', 'tls', 'forbidden', 'other'],
    },
  },
  culvert_manager_dialers: {
    type: 'gauge',
    help: 'Traffic agents and clients that are connected to the meeting point.',
    programs: MANAGER,
    labels: { role: ['agent', 'client'] },
  },
  culvert_agent_connected: {
    type: 'gauge',
    help: 'Whether the traffic agent is connected to its traffic manager: 1 or 0.',
    programs: AGENT,
  },
  culvert_agent_intercepts: { type: 'gauge', help: 'Intercepts that the agent looks for.', programs: AGENT },
  culvert_agent_connections: { type: 'gauge', help: 'Open connections to the agent.', programs: AGENT },
  culvert_agent_request_duration_seconds: {
    type: 'histogram',
    help: 'Time from the head of a request until its exchange ended. Connections that pass unchanged do not count.',
    programs: AGENT,
    labels: {
      protocol: ['http1', 'http2', 'websocket', 'replay'],
      route: ['preview', 'app', 'service', 'none'],
      status: ['1xx', '2xx', '3xx', '4xx', '5xx', 'none'],
      answered_by: ['service', 'culvert'],
    },
  },
  culvert_agent_failures_total: {
    type: 'counter',
    help: 'Requests that the agent answered with an error of its own.',
    programs: AGENT,
    labels: { code: 'codes of [errors](operations.md#what-an-error-means)' },
  },
  culvert_agent_intercepted_total: {
    type: 'counter',
    help: 'Requests that matched an intercept.',
    programs: AGENT,
  },
  culvert_agent_patterns_exhausted_total: {
    type: 'counter',
    help: 'Requests whose patterns exceeded their step limit, and so did not match.',
    programs: AGENT,
  },
  culvert_daemon_connected: {
    type: 'gauge',
    help: 'Whether the pod daemon is connected to its traffic manager: 1 or 0.',
    programs: DAEMON,
  },
  culvert_daemon_intercepting: {
    type: 'gauge',
    help: 'Whether the intercept of the pod daemon is active: 1 or 0.',
    programs: DAEMON,
  },
  culvert_daemon_preview: {
    type: 'gauge',
    help: 'Whether the pod daemon has its preview: 1 or 0.',
    programs: DAEMON,
  },
} as const satisfies Definitions;
