import type { Values } from './variables.js';

/** Limits; the unit is in each name. */
export interface Limits {
  /** How long a request waits for a disconnected traffic manager. */
  readonly managerWaitMs: number;
  /** How long a session without a tunnel may be resumed. */
  readonly sessionGraceMs: number;
  /** Time from the first byte of a request head to its last. */
  readonly headTimeoutMs: number;
  /** Idle time of a connection between two requests. */
  readonly idleTimeoutMs: number;
  /** Time from the end of a request to the first byte of its response. */
  readonly responseTimeoutMs: number;
  /** Time without a byte on an upgraded connection; 0: no limit. */
  readonly upgradeIdleTimeoutMs: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaderCount: number;
  /** Length of the path and query of a request. */
  readonly maxTargetBytes: number;
  /** 0: no limit. */
  readonly maxBodyBytes: number;
  readonly maxStreamsPerTunnel: number;
  readonly maxTunnels: number;
  /** Open connections from one client address; 0: no limit. */
  readonly maxConnectionsPerAddress: number;
  /** Requests of one preview that are in progress at once, per edge. */
  readonly maxRequestsPerPreview: number;
  readonly maxPreviewsPerTeam: number;
  /** Living sessions: traffic managers that are connected or may come back. */
  readonly maxSessionsPerTeam: number;
  /** Requests per minute; 0: no limit. */
  readonly maxApiRequestsPerTeam: number;
  /** Requests per minute to each sign-in route of Telepresence's clients; 0: no limit. */
  readonly maxLoginRequestsPerAddress: number;
  /** Invitations of one team, and of one person in all their teams; 0: no limit. */
  readonly maxInvitationsPerDay: number;
  /** Requests to all its previews together, per minute, at all edges together; 0: no limit. */
  readonly maxPreviewRequestsPerTeam: number;
  /** Event streams of all callers together, in one API process. */
  readonly maxEventStreams: number;
  /** How long, and how much, to read from a visitor that is still sending its request after the response. */
  readonly linger: {
    /** Milliseconds of silence. */
    readonly idleMs: number;
    /** Milliseconds since the response was sent. */
    readonly maxMs: number;
    readonly maxBytes: number;
  };
  /** Limits of one HTTP/2 connection of a visitor. */
  readonly http2: {
    /** Requests in progress at once. */
    readonly maxStreams: number;
    /** Requests that end before their response, in ten seconds. */
    readonly maxResets: number;
    /** PING and SETTINGS frames in ten seconds. */
    readonly maxControlFrames: number;
    /** Bytes of one request body that are buffered ahead of forwarding. */
    readonly windowBytes: number;
  };
}

/** Returns the limits that the variables set, with the defaults of the others. */
export function limitsOf(values: Values): Limits {
  return {
    managerWaitMs: values.MANAGER_WAIT_MS ?? 10_000,
    sessionGraceMs: values.SESSION_GRACE_MS ?? 60_000,
    headTimeoutMs: values.HEAD_TIMEOUT_MS ?? 15_000,
    idleTimeoutMs: values.IDLE_TIMEOUT_MS ?? 75_000,
    responseTimeoutMs: values.RESPONSE_TIMEOUT_MS ?? 60_000,
    upgradeIdleTimeoutMs: values.UPGRADE_IDLE_TIMEOUT_MS ?? 0,
    maxHeaderBytes: values.MAX_HEADER_BYTES ?? 65_536,
    maxHeaderCount: values.MAX_HEADER_COUNT ?? 200,
    maxTargetBytes: values.MAX_TARGET_BYTES ?? 16_384,
    maxBodyBytes: values.MAX_BODY_BYTES ?? 0,
    maxStreamsPerTunnel: values.MAX_STREAMS_PER_TUNNEL ?? 1000,
    maxTunnels: values.MAX_TUNNELS ?? 10_000,
    maxConnectionsPerAddress: values.MAX_CONNECTIONS_PER_ADDRESS ?? 0,
    maxRequestsPerPreview: values.MAX_REQUESTS_PER_PREVIEW ?? 1000,
    maxPreviewsPerTeam: values.MAX_PREVIEWS_PER_TEAM ?? 10_000,
    maxSessionsPerTeam: values.MAX_SESSIONS_PER_TEAM ?? 1000,
    maxApiRequestsPerTeam: values.MAX_API_REQUESTS_PER_TEAM ?? 6000,
    maxLoginRequestsPerAddress: values.MAX_LOGIN_REQUESTS_PER_ADDRESS ?? 600,
    maxInvitationsPerDay: values.MAX_INVITATIONS_PER_DAY ?? 200,
    // 20,000 per second: about a fifth of what one core forwards.
    maxPreviewRequestsPerTeam: values.MAX_PREVIEW_REQUESTS_PER_TEAM ?? 1_200_000,
    maxEventStreams: values.MAX_EVENT_STREAMS ?? 5000,
    linger: {
      idleMs: values.LINGER_IDLE_MS ?? 5000,
      maxMs: values.LINGER_MAX_MS ?? 30_000,
      maxBytes: values.LINGER_MAX_BYTES ?? 268_435_456,
    },
    http2: {
      maxStreams: values.HTTP2_MAX_STREAMS ?? 128,
      maxResets: values.HTTP2_MAX_RESETS ?? 500,
      maxControlFrames: values.HTTP2_MAX_CONTROL_FRAMES ?? 1000,
      windowBytes: values.HTTP2_WINDOW_BYTES ?? 262_144,
    },
  };
}
