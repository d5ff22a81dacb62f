import type { ConnectionReason } from '@culvert/domain';
import { GoAwayCode } from '@culvert/tunnel';

const REASONS: Record<GoAwayCode, ConnectionReason> = {
  [GoAwayCode.NORMAL]: 'manager_stopped',
  [GoAwayCode.PROTOCOL_ERROR]: 'protocol_error',
  [GoAwayCode.FRAME_TOO_LARGE]: 'protocol_error',
  [GoAwayCode.FLOW_CONTROL]: 'protocol_error',
  [GoAwayCode.UNSUPPORTED_VERSION]: 'protocol_error',
  [GoAwayCode.KEY_REVOKED]: 'credential_revoked',
  [GoAwayCode.SUPERSEDED]: 'superseded',
  [GoAwayCode.SESSION_ENDED]: 'session_ended',
  [GoAwayCode.SHUTTING_DOWN]: 'edge_stopped',
  [GoAwayCode.TIMEOUT]: 'liveness_lost',
  [GoAwayCode.INTERNAL]: 'internal_error',
  [GoAwayCode.LIMIT]: 'limit',
  [GoAwayCode.CONNECTION_LOST]: 'connection_lost',
  // An edge refuses tunnels with these two before it records them; a traffic manager must not send them.
  [GoAwayCode.ALREADY_CONNECTED]: 'protocol_error',
  [GoAwayCode.MANAGER_ID_TAKEN]: 'protocol_error',
};

/** Returns the reason for the code with which a tunnel ended. */
export function connectionReason(code: GoAwayCode): ConnectionReason {
  return REASONS[code];
}
