import type { StreamHandler, StreamTarget, Tunnel } from '@culvert/tunnel';
import type { Dialed, Dialer } from './stream-pool.js';

/** The tunnels held by this edge, by traffic manager, and the requests that wait for one. */
export class TunnelRegistry {
  /** Oldest first: the newest tunnel carries new streams, since an older one may be a half-dead twin. */
  private readonly tunnels = new Map<string, Tunnel[]>();
  private readonly waiters = new Map<string, Set<() => void>>();

  attach(managerId: string, tunnel: Tunnel): void {
    const held = this.tunnels.get(managerId);
    if (held) held.push(tunnel);
    else this.tunnels.set(managerId, [tunnel]);
    this.wake(managerId);
  }

  /** Lets the requests that wait for this manager try again: a tunnel connected, or has more room than before. */
  wake(managerId: string): void {
    const waiting = this.waiters.get(managerId);
    if (waiting) {
      this.waiters.delete(managerId);
      for (const callback of waiting) callback();
    }
  }

  detach(managerId: string, tunnel: Tunnel): void {
    const held = this.tunnels.get(managerId);
    const index = held?.indexOf(tunnel) ?? -1;
    if (!held || index < 0) return;
    held.splice(index, 1);
    if (held.length === 0) this.tunnels.delete(managerId);
  }

  /** Returns the tunnel for new streams, or null. */
  preferred(managerId: string): Tunnel | null {
    const held = this.tunnels.get(managerId);
    if (held) {
      for (let i = held.length - 1; i >= 0; i--) if (held[i].state === 'open') return held[i];
    }
    return null;
  }

  /** Opens the streams of one route. */
  dialer(managerId: string, target: StreamTarget): Dialer {
    return new TunnelDialer(this, managerId, target);
  }

  /**
   * @param inUse what the route has already of such streams, this one included. It gets no more of a tunnel than are
   * left for others: so one route takes half of it, a second one half of the rest, and there is one for a newcomer.
   */
  openStream(
    managerId: string,
    target: StreamTarget,
    handler: StreamHandler,
    inUse = 1,
  ): Dialed | 'absent' | 'full' {
    const held = this.tunnels.get(managerId);
    let isConnected = false;
    for (let i = (held?.length ?? 0) - 1; i >= 0; i--) {
      const tunnel = held![i];
      if (tunnel.state !== 'open' || tunnel.isReadyFor?.(target) === false) continue;
      isConnected = true;
      if (inUse > tunnel.maxStreams - tunnel.streamCount) continue;
      const stream = tunnel.openStream(target, handler);
      if (stream) {
        const { maxIdleStreamMs: maxIdleMs, roundTripMs } = tunnel;
        return { stream, origin: tunnel, maxIdleMs, roundTripMs };
      }
    }
    return isConnected ? 'full' : 'absent';
  }

  onArrival(managerId: string, callback: () => void): () => void {
    let waiting = this.waiters.get(managerId);
    if (!waiting) this.waiters.set(managerId, (waiting = new Set()));
    waiting.add(callback);
    return () => {
      const current = this.waiters.get(managerId);
      if (current?.delete(callback) && current.size === 0) this.waiters.delete(managerId);
    };
  }
}

class TunnelDialer implements Dialer {
  constructor(
    private readonly registry: TunnelRegistry,
    private readonly managerId: string,
    private readonly target: StreamTarget,
  ) {}

  dial(handler: StreamHandler, inUse?: number): Dialed | 'absent' | 'full' {
    return this.registry.openStream(this.managerId, this.target, handler, inUse);
  }

  isPreferred(origin: object): boolean {
    return this.registry.preferred(this.managerId) === origin;
  }

  onArrival(callback: () => void): () => void {
    return this.registry.onArrival(this.managerId, callback);
  }
}
