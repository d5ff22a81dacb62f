import type { StreamHandler, StreamTarget } from '@culvert/tunnel';
import type { Dialed } from './stream-pool.js';

/**
 * The tunnels that other edges hold. Calls return at once: what is not known yet is 'absent', and the registry is woken
 * (`TunnelRegistry.wake`) when that changes.
 */
export interface RemoteTunnels {
  /**
   * Opens a stream through another edge. Returns 'absent' when no other edge holds an open tunnel of the traffic manager
   * as far as this one knows, and 'full' when none has room.
   * @param target names the traffic manager
   * @param inUse as for `Dialer.dial`
   */
  openStream(target: StreamTarget, handler: StreamHandler, inUse: number): Dialed | 'absent' | 'full';
  /** Reports whether an idle stream of `origin` may be used again: its edge still holds the traffic manager. */
  isUsable(trafficManagerId: string, origin: object): boolean;
}
