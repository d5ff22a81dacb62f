import type { Schemas } from '../../api/client.js';

export type ConnectionEvent = Schemas['ConnectionEvent'];
type Reason = NonNullable<ConnectionEvent['reason']>;

const CHANGES: Readonly<Record<ConnectionEvent['change'], string>> = {
  connected: 'Connected',
  resumed: 'Connected again',
  disconnected: 'Disconnected',
  ended: 'Session ended',
};

const REASONS: Readonly<Record<Reason, string>> = {
  manager_stopped: 'the traffic manager stopped, or closed its tunnel',
  edge_stopped: 'the edge stopped after asking it to use another edge',
  superseded: 'a newer tunnel of the same process replaced it',
  credential_revoked: 'its API key was revoked or has expired',
  session_ended: 'the session was ended over the API or in the dashboard',
  liveness_lost: 'it did not respond for too long',
  connection_lost: 'the connection broke off',
  protocol_error: 'one side broke a rule of the protocol',
  limit: 'a limit was exceeded',
  internal_error: 'a fault of the edge or the traffic manager',
  not_resumed: 'it did not reconnect in time',
};

export function describeChange({ change }: ConnectionEvent): string {
  return CHANGES[change];
}

/** Returns the reason for people; empty if something opened. */
export function describeReason({ reason }: ConnectionEvent): string {
  return reason === null ? '' : REASONS[reason];
}
