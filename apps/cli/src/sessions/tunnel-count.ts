import type { Session } from '../api.js';

/**
 * Shows how many tunnels are open, and how many the traffic manager wants if these are more. Older servers do not say
 * how many it wants.
 */
export function showTunnelCount({
  tunnelCount,
  wantedTunnelCount = null,
}: Pick<Session, 'tunnelCount'> & Partial<Pick<Session, 'wantedTunnelCount'>>): string {
  const isShort = wantedTunnelCount !== null && tunnelCount < wantedTunnelCount;
  return isShort ? `${tunnelCount} of ${wantedTunnelCount}` : String(tunnelCount);
}
