import type { Schemas } from '../../api/client.js';
import { texts } from './texts.js';

export type ConnectionEvent = Schemas['ConnectionEvent'];
type Reason = NonNullable<ConnectionEvent['reason']>;

const CHANGES: Readonly<Record<ConnectionEvent['change'], string>> = {
  connected: texts.reasons.connected,
  resumed: texts.reasons.connectedAgain,
  disconnected: texts.reasons.disconnected,
  ended: texts.reasons.sessionEnded,
};

const REASONS: Readonly<Record<Reason, string>> = {
  manager_stopped: texts.reasons.managerStopped,
  edge_stopped: texts.reasons.edgeStopped,
  edge_lost: texts.reasons.edgeLost,
  superseded: texts.reasons.superseded,
  credential_revoked: texts.reasons.credentialRevoked,
  session_ended: texts.reasons.sessionEndedByPerson,
  liveness_lost: texts.reasons.livenessLost,
  connection_lost: texts.reasons.connectionLost,
  protocol_error: texts.reasons.protocolError,
  limit: texts.reasons.limit,
  internal_error: texts.reasons.internalError,
  not_resumed: texts.reasons.notResumed,
};

export function describeChange({ change }: ConnectionEvent): string {
  return CHANGES[change];
}

/** Returns the reason for people; empty if something opened. */
export function describeReason({ reason }: ConnectionEvent): string {
  return reason === null ? '' : REASONS[reason];
}
