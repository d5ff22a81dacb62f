/**
 * The links of this edge: an open tunnel to each other edge that it needs, or that dialed it, and more where one has no
 * room. A link is dialed when first needed, and kept. Either end opens streams on it.
 */
import {
  acceptTunnel,
  type DialOptions,
  dialTunnel,
  GoAwayCode,
  goAwayName,
  type IncomingStream,
  ReceiveBudget,
  type ResetCode,
  type StreamTarget,
  type TunnelConnection,
  type TunnelSettings,
} from '@culvert/tunnel';
import type { Socket } from 'node:net';
import type { EdgeNode } from '../directory/directory.js';
import type { LinkDialer } from './link-dialer.js';
import { LinkError } from './link-failure.js';
import { LOCAL, type ProvenConnection } from './link-listener.js';
import { SocketCarrier } from './socket-carrier.js';

/** Maximum number of links that other edges may have dialed. */
const MAX_ACCEPTED = 2048;

/** Links to one edge, beyond which a link that is full is not joined by another. */
const MAX_LINKS_PER_EDGE = 4;

/** Wait after the first failed attempt; it doubles up to the second number. Milliseconds. */
const RETRY_MS = 100;
const MAX_RETRY_MS = 2000;
/** Failed attempts, over some ten seconds, after which an edge is not dialed again until a request needs it. */
const MAX_FAILURES = 9;

/** A link carries the streams of all traffic managers that one edge uses at another. */
const LINK_SETTINGS: Partial<TunnelSettings> = {
  maxStreams: 16_384,
  windowBytes: 16_384,
  // Most hops are idle, and a window grows when its stream needs that.
  openWindowBytes: 65_536,
  receiveBudgetBytes: 256 * 1024 * 1024,
  handshakeTimeoutMs: 5000,
  highWaterBytes: 1_048_576,
  maxHeldControlBytes: 1_048_576,
  maxAbortsPerSecond: 100_000,
};

/** Bytes by which the windows of all links together may be larger than `windowBytes` each. */
const SHARED_WINDOW_BYTES = 256 * 1024 * 1024;

/** One connection to another edge. */
export interface Link {
  readonly edge: NamedEdge;
  readonly tunnel: TunnelConnection;
}

/** Receives the events of links. */
export interface LinksListener {
  /** A link to this edge is open: the first, or one more. */
  onUp(edgeId: string): void;
  /** Another edge opened a stream. Set its handler before returning. */
  onStream(stream: IncomingStream, target: StreamTarget): void;
  /** Another edge refused a stream: NO_TUNNEL or STREAM_LIMIT. */
  onRefused(edgeId: string, trafficManagerId: string, code: ResetCode): void;
  /** For the log and metrics. No value contains a secret. */
  onEvent(event: LinkEvent): void;
  /** A handler threw. The link ends. */
  onFault(error: unknown): void;
}

/** What happens to links. */
export type LinkEvent =
  | { readonly type: 'open'; readonly edge: NamedEdge; readonly remoteAddress: string }
  | {
      readonly type: 'closed';
      readonly edge: NamedEdge;
      readonly remoteAddress: string;
      readonly code: GoAwayCode;
      readonly reason: string;
    }
  /** An attempt to dial failed. `willRetry` is false if the next one comes only with a request. */
  | {
      readonly type: 'failed';
      readonly edge: EdgeNode;
      readonly error: LinkError;
      readonly willRetry: boolean;
    }
  /** A connection that had proven itself did not become a link. */
  | { readonly type: 'refused'; readonly remoteAddress: string; readonly detail: string };

/** An edge at the far end of a link. */
export type NamedEdge = Pick<EdgeNode, 'id' | 'name'>;

type LinkEnd = Pick<Extract<LinkEvent, { type: 'closed' }>, 'remoteAddress' | 'code' | 'reason'>;

export interface LinksOptions {
  readonly self: EdgeNode;
  readonly dialer: LinkDialer;
  readonly listener: LinksListener;
  readonly settings?: Partial<TunnelSettings>;
}

/** An edge that is being dialed, or that could not be reached. */
interface Attempt {
  readonly edge: EdgeNode;
  failures: number;
  /** Set between two attempts. */
  timer: NodeJS.Timeout | null;
}

export class Links {
  /** Open links by edge. Usually one; more when both ends dialed at once, or when one had no room. */
  private readonly open = new Map<string, Link[]>();
  /** Every tunnel, its handshake included. */
  private readonly tunnels = new Set<TunnelConnection>();
  private readonly attempts = new Map<string, Attempt>();
  private readonly budget = new ReceiveBudget(SHARED_WINDOW_BYTES);
  private acceptedCount = 0;
  private isClosing = false;
  /** Called when the last tunnel is gone. */
  private handleEmpty = (): void => {};
  private readonly settings: Partial<TunnelSettings>;

  constructor(private readonly options: LinksOptions) {
    this.settings = { ...LINK_SETTINGS, ...options.settings };
  }

  /** How many edges there are links to. */
  get count(): number {
    return this.open.size;
  }

  /** How many links are open. */
  get connectionCount(): number {
    let count = 0;
    for (const links of this.open.values()) count += links.length;
    return count;
  }

  /** Reports whether a link to `edge` is possible: both ends have a common way to prove themselves. */
  canReach(edge: EdgeNode): boolean {
    return this.options.dialer.canReach(edge);
  }

  /** Returns the link to `edge`. Without one returns null and dials: `onUp` follows if that succeeds. */
  find(edge: EdgeNode): Link | null {
    const link = this.openLink(edge.id);
    if (link === null) this.dial(edge);
    return link;
  }

  /**
   * Dials another link to an edge whose links have no room. Returns false if there are as many as one edge may have, and
   * else true: `onUp` follows if that succeeds.
   */
  widen(edge: EdgeNode): boolean {
    if ((this.open.get(edge.id)?.length ?? 0) >= MAX_LINKS_PER_EDGE) return false;
    this.dial(edge);
    return true;
  }

  /** Returns the open link to this edge with the least streams, or null. */
  openLink(edgeId: string): Link | null {
    const links = this.open.get(edgeId);
    if (links === undefined) return null;
    let best: Link | null = null;
    for (const link of links) {
      if (link.tunnel.state !== 'open') continue;
      if (best === null || link.tunnel.streamCount < best.tunnel.streamCount) best = link;
    }
    return best;
  }

  /** Stops dialing an edge that is gone. */
  forget(edgeId: string): void {
    const attempt = this.attempts.get(edgeId);
    if (attempt === undefined) return;
    if (attempt.timer !== null) clearTimeout(attempt.timer);
    this.attempts.delete(edgeId);
  }

  /** Serves a connection of another edge. */
  accept({ socket, remoteAddress, settle }: ProvenConnection): void {
    const { self, listener } = this.options;
    let edge: NamedEdge | null = null;
    const tunnel = acceptTunnel(new SocketCarrier(socket), {
      ...this.common(),
      onHello: ({ managerId, name }) => {
        const refusal = this.refusalOf(managerId);
        if (refusal !== null) return Promise.resolve({ refuse: refusal });
        edge = { id: managerId, name };
        this.acceptedCount++;
        return Promise.resolve({ accept: { sessionId: self.id, resumed: false } });
      },
      onOpen: () => {
        settle();
        if (edge !== null) this.add({ edge, tunnel }, remoteAddress);
      },
      onRefused: (trafficManagerId, code) => listener.onRefused(edge?.id ?? '', trafficManagerId, code),
      onClose: (code, reason) => {
        settle();
        if (edge !== null) this.acceptedCount--;
        const isOver = edge !== null && this.remove(edge, tunnel, { remoteAddress, code, reason });
        // An edge that starts on this machine connects to find out which sockets are left over, and sends nothing.
        const isProbe = remoteAddress === LOCAL && socket.bytesRead === 0;
        if (!isOver && !isProbe)
          listener.onEvent({ type: 'refused', remoteAddress, detail: `${goAwayName(code)}: ${reason}` });
        this.drop(tunnel);
      },
    });
    this.tunnels.add(tunnel);
  }

  /**
   * Lets no end open further streams. Resolves when the streams that are open have ended, at the latest after `graceMs`.
   */
  async drain(graceMs: number): Promise<void> {
    this.isClosing = true;
    for (const edgeId of this.attempts.keys()) this.forget(edgeId);
    for (const tunnel of this.tunnels)
      tunnel.goAway(GoAwayCode.SHUTTING_DOWN, 'the edge is shutting down', { graceMs });
    if (this.tunnels.size > 0) await new Promise<void>((resolve) => (this.handleEmpty = resolve));
  }

  /** Ends every link at once. */
  close(): void {
    this.isClosing = true;
    for (const edgeId of this.attempts.keys()) this.forget(edgeId);
    for (const tunnel of this.tunnels) tunnel.close(GoAwayCode.SHUTTING_DOWN, 'the edge is shutting down');
  }

  private dial(edge: EdgeNode): void {
    if (this.isClosing || edge.id === this.options.self.id) return;
    if (this.attempts.has(edge.id) || !this.canReach(edge)) return;
    const attempt: Attempt = { edge, failures: 0, timer: null };
    this.attempts.set(edge.id, attempt);
    void this.connect(attempt);
  }

  private async connect(attempt: Attempt): Promise<void> {
    const { edge } = attempt;
    attempt.timer = null;
    const error = await this.openTunnel(edge);
    if (this.attempts.get(edge.id) !== attempt) return;
    if (error === null) {
      this.attempts.delete(edge.id);
      return;
    }
    const willRetry = ++attempt.failures < MAX_FAILURES;
    // `find` dials again. What waits is woken if the other edge dials in meanwhile.
    if (!willRetry) this.attempts.delete(edge.id);
    this.options.listener.onEvent({ type: 'failed', edge, error, willRetry });
    if (!willRetry) return;
    const waitMs = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** (attempt.failures - 1));
    attempt.timer = setTimeout(() => void this.connect(attempt), waitMs * (0.5 + Math.random() / 2));
  }

  /** Resolves with null once a link is open, or with the reason why there is none. */
  private async openTunnel(edge: EdgeNode): Promise<LinkError | null> {
    let socket: Socket;
    try {
      socket = await this.options.dialer.dial(edge);
    } catch (error) {
      return error instanceof LinkError
        ? error
        : new LinkError('unreachable', String(error), { cause: error });
    }
    if (this.isClosing) {
      socket.destroy();
      return new LinkError('refused', 'this edge is shutting down');
    }
    return this.shakeHands(edge, socket);
  }

  private shakeHands(edge: EdgeNode, socket: Socket): Promise<LinkError | null> {
    const { self, listener } = this.options;
    const { id, name = '' } = self;
    const hello = { managerId: id, clusterId: '', name, version: '', instanceId: id };
    return new Promise((resolve) => {
      const tunnel = dialTunnel(new SocketCarrier(socket), hello, {
        ...this.common(),
        onOpen: ({ sessionId }) => {
          if (sessionId !== edge.id) {
            resolve(new LinkError('other_edge', 'another edge answered'));
            tunnel.close(GoAwayCode.NORMAL, 'another edge answered');
            return;
          }
          this.add({ edge, tunnel }, edge.address);
          resolve(null);
        },
        onRefused: (trafficManagerId, code) => listener.onRefused(edge.id, trafficManagerId, code),
        onClose: (code, reason) => {
          this.remove(edge, tunnel, { remoteAddress: edge.address, code, reason });
          this.drop(tunnel);
          const failure = code === GoAwayCode.TIMEOUT ? 'timeout' : 'refused';
          resolve(new LinkError(failure, `${goAwayName(code)}: ${reason}`));
        },
      });
      this.tunnels.add(tunnel);
    });
  }

  private common(): Pick<DialOptions, 'budget' | 'onFault' | 'onStream' | 'peer' | 'settings'> {
    const { listener } = this.options;
    return {
      peer: 'link',
      budget: this.budget,
      settings: this.settings,
      onStream: (stream, target) => listener.onStream(stream, target),
      onFault: (error) => listener.onFault(error),
    };
  }

  /** Returns why a link of the edge `id` is refused, or null. */
  private refusalOf(id: string): { readonly code: GoAwayCode; readonly reason: string } | null {
    if (this.isClosing) return { code: GoAwayCode.SHUTTING_DOWN, reason: 'the edge is shutting down' };
    if (id === this.options.self.id) return { code: GoAwayCode.NORMAL, reason: 'this is the same edge' };
    if (this.acceptedCount >= MAX_ACCEPTED) return { code: GoAwayCode.LIMIT, reason: 'too many links' };
    return null;
  }

  private add(link: Link, remoteAddress: string): void {
    const { edge } = link;
    const { listener } = this.options;
    const links = this.open.get(edge.id);
    if (links === undefined) this.open.set(edge.id, [link]);
    else links.push(link);
    listener.onEvent({ type: 'open', edge, remoteAddress });
    // A link that the other edge opened serves as well as the one that is being dialed.
    this.forget(edge.id);
    listener.onUp(edge.id);
  }

  /** Returns false if the tunnel never was an open link. */
  private remove(edge: NamedEdge, tunnel: TunnelConnection, end: LinkEnd): boolean {
    const links = this.open.get(edge.id);
    const index = links?.findIndex((link) => link.tunnel === tunnel) ?? -1;
    if (links === undefined || index < 0) return false;
    links.splice(index, 1);
    this.options.listener.onEvent({ type: 'closed', edge, ...end });
    if (links.length === 0) this.open.delete(edge.id);
    return true;
  }

  private drop(tunnel: TunnelConnection): void {
    this.tunnels.delete(tunnel);
    if (this.tunnels.size === 0) this.handleEmpty();
  }
}
