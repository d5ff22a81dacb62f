/**
 * - `connected`: a tunnel opened, and a session began with it
 * - `resumed`: a tunnel opened for an existing session
 * - `disconnected`: a tunnel closed
 * - `ended`: the session ended for good
 */
export const CONNECTION_CHANGES = ['connected', 'resumed', 'disconnected', 'ended'] as const;
export type ConnectionChange = (typeof CONNECTION_CHANGES)[number];

/** Why a tunnel closed, or a session ended. */
export const CONNECTION_REASONS = [
  /** The traffic manager stopped, or closed its tunnel itself. */
  'manager_stopped',
  /** The edge stopped, after asking the traffic manager to use another edge. */
  'edge_stopped',
  /** The edge was not seen for too long: it was killed, or cut off from the database. */
  'edge_lost',
  /** A newer tunnel of the same process replaced it. */
  'superseded',
  /** The credential of the tunnel was revoked or has expired. */
  'credential_revoked',
  /** A person or program ended the session. */
  'session_ended',
  /** Nothing was received for too long. */
  'liveness_lost',
  /** The connection broke off. */
  'connection_lost',
  /** One side broke a rule of the protocol. */
  'protocol_error',
  /** A limit was exceeded. */
  'limit',
  /** A fault of the edge. */
  'internal_error',
  /** The traffic manager did not reconnect within its grace period. */
  'not_resumed',
] as const;
export type ConnectionReason = (typeof CONNECTION_REASONS)[number];
