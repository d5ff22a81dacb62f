/** Makes this edge part of a fleet: it finds the other edges, reports what it holds, and passes streams both ways. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import type { TunnelRegistry } from '@culvert/relay';
import type { Tunnel, TunnelSettings } from '@culvert/tunnel';
import type { Directory, EdgeNode, Holding } from './directory/directory.js';
import { HopAcceptor } from './hops/hop-acceptor.js';
import { RemoteHolders } from './hops/remote-holders.js';
import { type LinkCredentials, linkTls } from './links/link-credentials.js';
import { LinkDialer } from './links/link-dialer.js';
import { LinkListener, type LinkListenerLimits, type ProvenConnection } from './links/link-listener.js';
import { type LinkEvent, Links, type LinksListener } from './links/links.js';
import { RefusalLog } from './links/refusal-log.js';
import { privateSocketDirectory, removeLeftOverSockets, socketPathOf } from './links/socket-directory.js';

/** How often the loads of this edge's tunnels are compared with what was reported. */
const REPORT_MS = 1000;

export interface FleetOptions {
  /** Random id of this process, the same as in the store. */
  readonly edgeId: string;
  readonly credentials: LinkCredentials;
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

/** Receives what is worth a log line. No value contains a secret. */
export interface FleetLog {
  event(event: LinkEvent, detail: Readonly<Record<string, string | number>>): void;
  fault(error: unknown): void;
}

/** Numbers for metrics. */
export interface FleetFigures {
  /** Edges that this one has links to. */
  readonly links: number;
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
  private readonly refusals: RefusalLog;
  private readonly acceptor: HopAcceptor;
  private readonly reported = new Map<string, Holding>();
  /** Set by `start`. */
  private links!: Links;
  private remote!: RemoteHolders;
  private directory!: Directory;
  private timer: NodeJS.Timeout | null = null;
  /** True once connections of other edges can be served. */
  private isStarted = false;

  /** Use `startFleet`. */
  constructor(private readonly options: FleetOptions) {
    const { log, registry, credentials, listenerLimits } = options;
    this.acceptor = new HopAcceptor(registry);
    this.refusals = new RefusalLog((reason, remoteAddress, count) =>
      log.event('link refused', { reason, remoteAddress, count }),
    );
    this.listener = new LinkListener({
      tls: linkTls(credentials),
      ...(listenerLimits && { limits: listenerLimits }),
      onConnection: (connection) => this.handleConnection(connection),
      onRefused: (remoteAddress, reason) => this.refusals.add(reason, remoteAddress),
    });
  }

  /** How others know this edge. */
  get self(): EdgeNode {
    return this.directory.self;
  }

  get figures(): FleetFigures {
    return { links: this.links.count, hops: this.acceptor.count };
  }

  async start(): Promise<void> {
    const { edgeId, credentials, listen, registry, directoryOf, linkSettings } = this.options;
    const socketDirectory = listen.socketParent === null ? null : privateSocketDirectory(listen.socketParent);
    const socketPath = await this.listenLocally(socketDirectory);
    const port = await this.listener.listen(listen.port, listen.host);
    const self: EdgeNode = {
      id: edgeId,
      address: listen.address ?? `${ownHost(listen.host)}:${port}`,
      machineId: machineId(),
      ...(socketPath !== null && { socketPath }),
    };
    const dialer = new LinkDialer({ self, tls: linkTls(credentials), socketDirectory });
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
      onEdgeGone: (id) => {
        this.links.forget(id);
        this.remote.handleLink(id);
      },
      isLinked: (id) => this.links.openLink(id) !== null,
    });
    this.isStarted = true;
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
    this.listener.close();
    this.links.close();
    this.refusals.close();
    await this.directory.close();
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

  onDown(): void {
    // Its streams were reset with TUNNEL_LOST. Their exchanges look for another edge, or have this one dialed again.
  }

  onStream(...[stream, target]: Parameters<LinksListener['onStream']>): void {
    this.acceptor.accept(stream, target);
  }

  onRefused(...[edgeId, trafficManagerId, code]: Parameters<LinksListener['onRefused']>): void {
    this.remote.handleRefusal(edgeId, trafficManagerId, code);
  }

  onEvent(event: LinkEvent, detail: Readonly<Record<string, string>>): void {
    if (event === 'link refused')
      this.refusals.add(`${detail['code']}: ${detail['reason']}`, detail['remoteAddress'] ?? 'unknown');
    else this.options.log.event(event, detail);
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

/** The same for all processes of one machine since it started; containers of one machine may share it. */
function machineId(): string {
  let boot = '';
  try {
    boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    // Other systems have no such file.
  }
  return createHash('sha256').update(`${boot} ${hostname()}`).digest('hex').slice(0, 32);
}

function isReachable({ internal, address }: { internal: boolean; address: string }): boolean {
  return !internal && !address.startsWith('fe80:');
}

/** An address of this machine that others can reach, in the form that goes before a port. */
function ownHost(listenHost: string | undefined): string {
  if (listenHost !== undefined && !/^(0\.0\.0\.0|::)$/.test(listenHost)) return bracketed(listenHost);
  const addresses = Object.values(networkInterfaces()).flatMap((ofInterface) => ofInterface ?? []);
  const found =
    addresses.find((one) => one.family === 'IPv4' && isReachable(one)) ??
    addresses.find((one) => isReachable(one));
  return bracketed(found?.address ?? '127.0.0.1');
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
