/** The tunnels that other edges hold, as the relay uses them: picks the edge, and opens the stream on the link to it. */
import type { Dialed, RemoteTunnels } from '@culvert/relay';
import { ResetCode, type Stream, type StreamHandler, type StreamTarget } from '@culvert/tunnel';
import type { Directory, Holder } from '../directory/directory.js';
import type { Link, Links } from '../links/links.js';

/** How long an edge that had no room for a traffic manager is not asked again. Milliseconds. */
const FULL_PAUSE_MS = 200;

/** Maximum number of pauses that are remembered at once. */
const MAX_PAUSES = 10_000;

export class RemoteHolders implements RemoteTunnels {
  /** Traffic managers whose streams wait for a link, by edge. */
  private readonly waiting = new Map<string, Set<string>>();
  /** Until when an edge has no room for a traffic manager, by both ids. */
  private readonly pauses = new Map<string, number>();

  /** @param wake lets the exchanges that wait for this traffic manager try again */
  constructor(
    private readonly directory: Directory,
    private readonly links: Pick<Links, 'canReach' | 'find' | 'openLink' | 'widen'>,
    private readonly wake: (trafficManagerId: string) => void,
  ) {}

  openStream(target: StreamTarget, handler: StreamHandler, inUse: number): Dialed | 'absent' | 'full' {
    const trafficManagerId = target.trafficManagerId ?? '';
    const holders = this.directory.holdersOf(trafficManagerId);
    if (holders === null) return 'absent';
    let best: Holder | null = null;
    let bestLink: Link | null = null;
    let bestCost = Infinity;
    let isFull = false;
    for (const holder of holders) {
      const link = this.links.find(holder.edge);
      if (link === null) {
        if (this.links.canReach(holder.edge)) this.awaitLink(holder.edge.id, trafficManagerId);
      } else if (this.isPaused(trafficManagerId, holder.edge.id)) {
        isFull = true;
      } else if (!hasRoom(link, trafficManagerId, inUse)) {
        isFull = true;
        if (this.links.widen(holder.edge)) this.awaitLink(holder.edge.id, trafficManagerId);
      } else {
        const cost = costOf(holder, link);
        if (cost >= bestCost) continue;
        best = holder;
        bestLink = link;
        bestCost = cost;
      }
    }
    if (best === null || bestLink === null) return isFull ? 'full' : 'absent';
    const stream = bestLink.tunnel.openStream(target, handler);
    if (stream === null) return 'full';
    return new HopDialed(stream, bestLink, trafficManagerId, best);
  }

  isUsable(trafficManagerId: string, origin: object): boolean {
    if (!(origin instanceof HopDialed) || origin.trafficManagerId !== trafficManagerId) return false;
    const { edge: far, tunnel } = origin.link;
    if (tunnel.state !== 'open') return false;
    const holders = this.directory.holdersOf(trafficManagerId);
    // The stream exists, so the edge held a tunnel. It stays usable while the directory looks up the holders again.
    if (holders === null) return true;
    for (const { edge } of holders) if (edge.id === far.id) return true;
    return false;
  }

  /** Another edge refused a stream. */
  handleRefusal(edgeId: string, trafficManagerId: string, code: ResetCode): void {
    if (code === ResetCode.NO_TUNNEL) {
      this.directory.disbelieve(trafficManagerId, edgeId);
      return;
    }
    if (this.pauses.size >= MAX_PAUSES) this.pauses.clear();
    this.pauses.set(pauseKey(trafficManagerId, edgeId), performance.now() + FULL_PAUSE_MS);
  }

  /** The link to this edge is open, or it will not be soon: what waits for it tries again. */
  handleLink(edgeId: string): void {
    const ids = this.waiting.get(edgeId);
    if (ids === undefined) return;
    this.waiting.delete(edgeId);
    for (const trafficManagerId of ids) this.wake(trafficManagerId);
  }

  private awaitLink(edgeId: string, trafficManagerId: string): void {
    const ids = this.waiting.get(edgeId);
    if (ids === undefined) this.waiting.set(edgeId, new Set([trafficManagerId]));
    else ids.add(trafficManagerId);
  }

  private isPaused(trafficManagerId: string, edgeId: string): boolean {
    if (this.pauses.size === 0) return false;
    const key = pauseKey(trafficManagerId, edgeId);
    const until = this.pauses.get(key);
    if (until === undefined) return false;
    if (performance.now() < until) return true;
    this.pauses.delete(key);
    return false;
  }
}

/**
 * A stream through another edge, which is also its own origin: room on the link is shared by all traffic managers, so an
 * idle stream is of use only to its own.
 */
class HopDialed implements Dialed {
  readonly maxIdleMs: number | undefined;
  readonly roundTripMs: number;
  readonly mayBeRefused = true;

  constructor(
    readonly stream: Stream,
    readonly link: Link,
    readonly trafficManagerId: string,
    holder: Holder,
  ) {
    this.maxIdleMs = holder.maxIdleStreamMs;
    this.roundTripMs = holder.roundTripMs + link.tunnel.roundTripMs;
  }

  get origin(): object {
    return this;
  }
}

function pauseKey(trafficManagerId: string, edgeId: string): string {
  return `${trafficManagerId} ${edgeId}`;
}

/** A traffic manager gets at most half of a link's free streams, and so does a preview: each leaves room for a newcomer. */
function hasRoom({ tunnel }: Link, trafficManagerId: string, inUse: number): boolean {
  const free = tunnel.maxStreams - tunnel.streamCount;
  return inUse <= free && tunnel.streamCountOf(trafficManagerId) < free;
}

/** Work in progress times the way to it: as many streams as the reported ones and those of this link, at a round trip each. */
function costOf({ streamCount, roundTripMs }: Holder, { tunnel }: Link): number {
  return (streamCount + tunnel.streamCount + 1) * (roundTripMs + tunnel.roundTripMs + 1);
}
