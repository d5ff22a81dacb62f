import { DEFAULT_RELAY_LIMITS, type RelayLimits } from '@culvert/relay';
import type { Settings } from '@culvert/runtime';

/** Returns the limits that operators set, in the relay's terms. */
export function relayLimits({ limits }: Settings): RelayLimits {
  return {
    head: {
      maxHeadBytes: limits.maxHeaderBytes,
      maxFieldCount: limits.maxHeaderCount,
      maxTargetBytes: limits.maxTargetBytes,
    },
    headTimeoutMs: limits.headTimeoutMs,
    idleTimeoutMs: limits.idleTimeoutMs,
    responseTimeoutMs: limits.responseTimeoutMs,
    stallTimeoutMs: DEFAULT_RELAY_LIMITS.stallTimeoutMs,
    upgradeIdleTimeoutMs: limits.upgradeIdleTimeoutMs,
    managerWaitMs: limits.managerWaitMs,
    maxBodyBytes: limits.maxBodyBytes,
    maxRequestsPerPreview: limits.maxRequestsPerPreview,
    maxRequestsPerTeam: limits.maxPreviewRequestsPerTeam,
    maxConnectionsPerAddress: limits.maxConnectionsPerAddress,
    linger: limits.linger,
    http2: limits.http2,
  };
}
