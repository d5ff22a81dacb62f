/** Makes this edge part of a fleet: it finds the other edges, reports what it holds, and passes streams both ways. */
import type { Histogram } from '@culvert/measure';
import type { TunnelRegistry } from '@culvert/relay';
import type { Tunnel, TunnelSettings } from '@culvert/tunnel';
import type { Directory, DirectoryFigures, EdgeNode, GoneEdge, Holding } from './directory/directory.js';
import type { FleetLog } from './fleet-log.js';
import { HopAcceptor } from './hops/hop-acceptor.js';
import { RemoteHolders } from './hops/remote-holders.js';
import { type LinkCredentials, LinkProof } from './links/link-credentials.js';
import { LinkDialer } from './links/link-dialer.js';
import type { LinkFailureCause, RefusalCause } from './links/link-failure.js';
import { LinkListener, type LinkListenerLimits, type ProvenConnection } from './links/link-listener.js';
import { LinkReports } from './links/link-reports.js';
import { type LinkEvent, Links, type LinksListener } from './links/links.js';
import { privateSocketDirectory, removeLeftOverSockets, socketPathOf } from './links/socket-directory.js';
import { machineId, ownHost } from './this-machine.js';

/** How often the loads of this edge's tunnels are compared with what was reported. */
const REPORT_MS = 1000;

export interface FleetOptions {
  /** Random id of this process, the same as in the store. */
  readonly edgeId: string;
  /** For people, in the logs of other edges. At most 100 characters. */
  readonly name?: string;
  /** Null: this edge has links with edges of its own machine only. */
  readonly credentials: LinkCredentials | null;
  /** Reports credentials of the same kind that replace these; returns how to stop that. Absent: they do not change. */
  readonly watchCredentials?: (onChange: (credentials: LinkCredentials) => void) => () => void;
  readonly listen: {
    /** 0: the system chooses one. */
    readonly port: number;
    /** Undefined: all addresses. */
    readonly host?: string | undefined;
    /** `host:port` at which others reach this edge; undefined: an address of this machine and the port. */
    readonly address?: string | undefined;
    /** Where the directory of Unix sockets is; undefined: the system's directory for temporary files; null: no sockets. */
    readonly socketParent?: string | null | undefined;
  };
  readonly registry: TunnelRegistry;
  /** Creates the directory once it is known how others reach this edge. */
  readonly directoryOf: (self: EdgeNode) => Directory;
  readonly log: FleetLog;
  readonly linkSettings?: Partial<TunnelSettings>;
  readonly listenerLimits?: LinkListenerLimits;
}

/** Numbers for metrics. */
export interface FleetFigures {
  /** Edges that this one has links to. */
  readonly links: number;
  /** Links that are open. */
  readonly linkConnections: number;
  /** Links that could not be opened, or broke, since the start. */
  readonly failures: Readonly<Record<LinkFailureCause, number>>;
  /** Connections to the port of links that were refused since the start. */
  readonly refusals: Readonly<Record<RefusalCause, number>>;
  readonly directory: DirectoryFigures;
  /** Streams of other edges that pass through tunnels of this one. */
  readonly hops: number;
}

/** Starts the edge's part in the fleet. Rejects if the port of links cannot be opened. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const fleet = new Fleet(options);
  await fleet.start();
  return fleet;
}

export class Fleet implements LinksListener {
  private readonly listener: LinkListener;
  private readonly proof: LinkProof | null;
  private readonly reports: LinkReports;
  private readonly acceptor: HopAcceptor;
  private readonly reported = new Map<string, Holding>();
  /** Set by `start`. */
  private links!: Links;
  private remote!: RemoteHolders;
  private directory!: Directory;
  private timer: NodeJS.Timeout | null = null;
  private stopWatch: (() => void) | null = null;
  /** True once connections of other edges can be served. */
  private isStarted = false;

  /** Use `startFleet`. */
  constructor(private readonly options: FleetOptions) {
    const { log, registry, credentials, listenerLimits } = options;
    this.acceptor = new HopAcceptor(registry);
    this.reports = new LinkReports((event) => log.event(event));
    this.proof = credentials === null ? null : new LinkProof(credentials);
    this.listener = new LinkListener({
      proof: this.proof,
      ...(listenerLimits && { limits: listenerLimits }),
      onConnection: (connection) => this.handleConnection(connection),
      onRefused: (...refused) => this.reports.refuse(...refused),
    });
  }

  /** How others know this edge. */
  get self(): EdgeNode {
    return this.directory.self;
  }

  /** PEM of the certificate with which this edge proves itself; null: it has none. */
  get certificate(): string | null {
    return this.proof?.cert ?? null;
  }

  /** Times until hops of other edges were open, or failed. */
  get hopTimes(): Histogram {
    return this.acceptor.times;
  }

  get figures(): FleetFigures {
    return {
      links: this.links.count,
      linkConnections: this.links.connectionCount,
      hops: this.acceptor.count,
      failures: this.reports.failures,
      refusals: this.reports.refusals,
      directory: this.directory.figures,
    };
  }

  /** Reports whether an edge of another machine is alive. */
  get hasOtherMachine(): boolean {
    return this.directory.hasOtherMachine;
  }

  async start(): Promise<void> {
    const { edgeId, name, listen, registry, directoryOf, linkSettings } = this.options;
    const socketDirectory = listen.socketParent === null ? null : privateSocketDirectory(listen.socketParent);
    const socketPath = await this.listenLocally(socketDirectory);
    const self: EdgeNode = {
      id: edgeId,
      address: await this.listenForOthers(),
      machineId: machineId(),
      ...(name !== undefined && { name }),
      ...(socketPath !== null && { socketPath }),
    };
    const dialer = new LinkDialer({ self, proof: this.proof, socketDirectory });
    this.links = new Links({
      self,
      dialer,
      listener: this,
      ...(linkSettings && { settings: linkSettings }),
    });
    this.directory = directoryOf(self);
    this.remote = new RemoteHolders(this.directory, this.links, (id) => registry.wake(id));
    this.directory.listen({
      onHolders: (id) => registry.wake(id),
      onEdgeGone: (id, gone) => this.handleGone(id, gone),
      isLinked: (id) => this.links.openLink(id) !== null,
    });
    this.isStarted = true;
    this.stopWatch = this.options.watchCredentials?.((changed) => this.replaceCredentials(changed)) ?? null;
    registry.join(this.remote, { onChange: (id) => this.report(id) });
    for (const id of registry.managerIds()) this.report(id);
    this.timer = setInterval(() => this.reportAll(), REPORT_MS);
    this.timer.unref();
  }

  /**
   * Withdraws what this edge holds and lets no further stream pass. Resolves when the streams of other edges have ended,
   * at the latest after `graceMs`. Called once the tunnels of this edge take no new streams.
   */
  async drain(graceMs: number): Promise<void> {
    this.reportAll();
    this.listener.close();
    await this.links.drain(graceMs);
  }

  /** Ends everything at once. */
  async close(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    this.stopWatch?.();
    this.listener.close();
    this.links.close();
    this.reports.close();
    await this.directory.close();
  }

  /** Links that are open stay; those that begin from now on use the new credentials. */
  private replaceCredentials(credentials: LinkCredentials): void {
    this.proof?.replace(credentials);
    this.listener.refresh();
  }

  private handleGone(edgeId: string, gone: GoneEdge): void {
    this.links.forget(edgeId);
    this.remote.handleLink(edgeId);
    this.options.log.event({ type: 'gone', ...gone });
  }

  /** Both listeners may accept before the start is complete: looking up a host name takes time. */
  private handleConnection(connection: ProvenConnection): void {
    if (this.isStarted) this.links.accept(connection);
    else connection.socket.destroy();
  }

  // --- Events of links --------------------------------------------------------------------------------------

  onUp(edgeId: string): void {
    this.remote.handleLink(edgeId);
  }

  onStream(...[stream, target]: Parameters<LinksListener['onStream']>): void {
    this.acceptor.accept(stream, target);
  }

  onRefused(...[edgeId, trafficManagerId, code]: Parameters<LinksListener['onRefused']>): void {
    this.remote.handleRefusal(edgeId, trafficManagerId, code);
  }

  onEvent(event: LinkEvent): void {
    this.reports.handle(event);
  }

  onFault(error: unknown): void {
    this.options.log.fault(error);
  }

  // --- What this edge holds ---------------------------------------------------------------------------------

  private reportAll(): void {
    for (const id of this.options.registry.managerIds()) this.report(id);
  }

  /** Reports what changed since the last time. */
  private report(trafficManagerId: string): void {
    const holding = this.holdingOf(trafficManagerId);
    const before = this.reported.get(trafficManagerId);
    if (holding === null) {
      if (before === undefined) return;
      this.reported.delete(trafficManagerId);
    } else {
      if (before !== undefined && isSame(before, holding)) return;
      this.reported.set(trafficManagerId, holding);
    }
    this.directory.report(trafficManagerId, holding);
  }

  private holdingOf(trafficManagerId: string): Holding | null {
    let tunnelCount = 0;
    let streamCount = 0;
    let roundTripMs = Infinity;
    let maxIdleStreamMs: number | undefined;
    const add = (tunnel: Tunnel): void => {
      tunnelCount++;
      streamCount += tunnel.streamCount;
      roundTripMs = Math.min(roundTripMs, tunnel.roundTripMs);
      if (tunnel.maxIdleStreamMs !== undefined)
        maxIdleStreamMs = Math.min(maxIdleStreamMs ?? Infinity, tunnel.maxIdleStreamMs);
    };
    this.options.registry.forEachOpen(trafficManagerId, add);
    if (tunnelCount === 0) return null;
    return {
      tunnelCount,
      streamCount,
      roundTripMs: Math.round(roundTripMs),
      ...(maxIdleStreamMs !== undefined && { maxIdleStreamMs }),
    };
  }

  /** Returns the address at which edges of other machines reach this one; empty if they cannot. */
  private async listenForOthers(): Promise<string> {
    if (this.proof === null) return '';
    const { port, host, address } = this.options.listen;
    const opened = await this.listener.listen(port, host);
    return address ?? `${ownHost(host)}:${opened}`;
  }

  private async listenLocally(directory: string | null): Promise<string | null> {
    if (directory === null) return null;
    const path = socketPathOf(directory, this.options.edgeId);
    if (path === null) return null;
    try {
      await removeLeftOverSockets(directory);
      await this.listener.listenLocally(path);
      return path;
    } catch (error) {
      this.options.log.fault(error);
      return null;
    }
  }
}

function isSame(one: Holding, other: Holding): boolean {
  return (
    one.tunnelCount === other.tunnelCount &&
    one.streamCount === other.streamCount &&
    one.maxIdleStreamMs === other.maxIdleStreamMs &&
    Math.abs(one.roundTripMs - other.roundTripMs) <= Math.max(5, one.roundTripMs / 4)
  );
}
