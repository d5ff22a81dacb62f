import type { StreamHandler, StreamTarget, Tunnel } from '@culvert/tunnel';
import type { RemoteTunnels } from './remote-tunnels.js';
import type { Dialed, Dialer } from './stream-pool.js';

/** Learns which traffic managers this edge holds. */
export interface TunnelRegistryListener {
  /** A tunnel of this traffic manager was attached or detached, or takes no new streams from now on. */
  onChange(trafficManagerId: string): void;
}

/** A tunnel of this edge. */
interface Held {
  readonly tunnel: Tunnel;
  /** Bytes that it had received when a newer tunnel of its manager came; -1: it is the newest. */
  receivedBefore: number;
}

/** The tunnels held by this edge, by traffic manager, and the requests that wait for one. */
export class TunnelRegistry {
  /** Oldest first. */
  private readonly tunnels = new Map<string, Held[]>();
  private readonly waiters = new Map<string, Set<() => void>>();
  private remote: RemoteTunnels | null = null;
  private listener: TunnelRegistryListener | null = null;

  /** Uses the tunnels of other edges where this edge has none, and reports its own. Called once. */
  join(remote: RemoteTunnels, listener: TunnelRegistryListener): void {
    this.remote = remote;
    this.listener = listener;
  }

  attach(managerId: string, tunnel: Tunnel): void {
    const held = this.tunnels.get(managerId);
    const added: Held = { tunnel, receivedBefore: -1 };
    if (held) {
      for (const older of held) older.receivedBefore = older.tunnel.receivedBytes;
      held.push(added);
    } else {
      this.tunnels.set(managerId, [added]);
    }
    this.listener?.onChange(managerId);
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
    const index = held?.findIndex((one) => one.tunnel === tunnel) ?? -1;
    if (!held || index < 0) return;
    held.splice(index, 1);
    if (held.length === 0) this.tunnels.delete(managerId);
    this.listener?.onChange(managerId);
  }

  /** A tunnel that is still attached takes no new streams from now on: other edges must know. */
  noteChange(managerId: string): void {
    this.listener?.onChange(managerId);
  }

  /** Returns the newest open tunnel of this edge, or null. */
  preferred(managerId: string): Tunnel | null {
    const held = this.tunnels.get(managerId);
    if (held) {
      for (let i = held.length - 1; i >= 0; i--) if (held[i].tunnel.state === 'open') return held[i].tunnel;
    }
    return null;
  }

  /** Reports whether this edge holds an open tunnel of the traffic manager. */
  isHeld(managerId: string): boolean {
    return this.preferred(managerId) !== null;
  }

  /** The traffic managers that this edge has tunnels of. */
  managerIds(): IterableIterator<string> {
    return this.tunnels.keys();
  }

  /** Calls `visit` with each open tunnel of this edge to the traffic manager. */
  forEachOpen(managerId: string, visit: (tunnel: Tunnel) => void): void {
    for (const { tunnel } of this.tunnels.get(managerId) ?? []) if (tunnel.state === 'open') visit(tunnel);
  }

  /** Opens the streams of one route. */
  dialer(managerId: string, target: StreamTarget): Dialer {
    return new TunnelDialer(this, managerId, { ...target, trafficManagerId: managerId });
  }

  /**
   * Opens a stream on a tunnel of this edge, or, where it has none with room, through another edge.
   * @param target names the traffic manager if other edges are to be used
   * @param inUse what the route has already of such streams, this one included. It gets no more of a tunnel than are
   * left for others: so one route takes half of it, a second one half of the rest, and there is one for a newcomer.
   */
  openStream(
    managerId: string,
    target: StreamTarget,
    handler: StreamHandler,
    inUse = 1,
  ): Dialed | 'absent' | 'full' {
    const local = this.openLocal(managerId, target, handler, inUse);
    if (typeof local !== 'string' || this.remote === null) return local;
    const far = this.remote.openStream(target, handler, inUse);
    return far === 'absent' ? local : far;
  }

  /** Like `openStream`, on tunnels of this edge only. */
  openLocal(
    managerId: string,
    target: StreamTarget,
    handler: StreamHandler,
    inUse: number,
  ): Dialed | 'absent' | 'full' {
    const held = this.tunnels.get(managerId);
    if (held === undefined) return 'absent';
    if (held.length > 1) {
      const tunnel = leastBusy(held, target, inUse);
      const stream = tunnel?.openStream(target, handler);
      if (tunnel && stream) return dialed(tunnel, stream);
    }
    let isConnected = false;
    for (let i = held.length - 1; i >= 0; i--) {
      const { tunnel } = held[i];
      if (tunnel.state !== 'open' || tunnel.isReadyFor?.(target) === false) continue;
      isConnected = true;
      if (inUse > tunnel.maxStreams - tunnel.streamCount) continue;
      const stream = tunnel.openStream(target, handler);
      if (stream) return dialed(tunnel, stream);
    }
    return isConnected ? 'full' : 'absent';
  }

  /** Reports whether idle streams of `origin`, a tunnel or a stream's way through another edge, may carry further requests. */
  isUsable(managerId: string, origin: object): boolean {
    const held = this.tunnels.get(managerId);
    if (held !== undefined) {
      let isNewest = true;
      for (let i = held.length - 1; i >= 0; i--) {
        const one = held[i];
        if (one.tunnel.state !== 'open') continue;
        if (one.tunnel === origin) return isNewest || isTrusted(one);
        isNewest = false;
      }
      if (!isNewest) return false;
    }
    return this.remote !== null && this.remote.isUsable(managerId, origin);
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

/**
 * Reports whether a tunnel is known to work: an older one may be half dead, the twin of a newer one that replaces it. It
 * counts once anything, such as the answer to a ping, has come through it since.
 */
function isTrusted({ tunnel, receivedBefore }: Held): boolean {
  return tunnel.receivedBytes > receivedBefore;
}

/** Returns the tunnel with the least work, weighed by its round trip, among those that work and have room. */
function leastBusy(held: readonly Held[], target: StreamTarget, inUse: number): Tunnel | null {
  let best: Tunnel | null = null;
  let bestCost = Infinity;
  for (let i = held.length - 1; i >= 0; i--) {
    const { tunnel } = held[i];
    if (tunnel.state !== 'open' || !isTrusted(held[i]) || tunnel.isReadyFor?.(target) === false) continue;
    if (inUse > tunnel.maxStreams - tunnel.streamCount) continue;
    const cost = (tunnel.streamCount + 1) * (tunnel.roundTripMs + 1);
    if (cost >= bestCost) continue;
    best = tunnel;
    bestCost = cost;
  }
  return best;
}

function dialed(tunnel: Tunnel, stream: Dialed['stream']): Dialed {
  const { maxIdleStreamMs: maxIdleMs, roundTripMs } = tunnel;
  return { stream, origin: tunnel, maxIdleMs, roundTripMs };
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
    return this.registry.isUsable(this.managerId, origin);
  }

  onArrival(callback: () => void): () => void {
    return this.registry.onArrival(this.managerId, callback);
  }
}
