/**
 * The data plane of one edge, without any framework: takes sockets of visitors, knows every connection, tells
 * the time, and ends what has to end. The parts it is made of are given to it.
 */
import type { Socket } from 'node:net';
import { type RequestHead, restoreFastStrings } from '@culvert/http1';
import { plainAddress } from '@culvert/sockets';
import type { AccessGate } from './routing/access-gate.js';
import { Http1Connection } from './visitors/http1-connection.js';
import type { PageBody } from './banner/page-body.js';
import type { PageCoding } from './banner/page-response.js';
import type { Exchange } from './exchange/exchange.js';
import type { ExchangeObserver } from './exchange/exchange-trace.js';
import { TrustedProxies } from './visitors/forwarded.js';
import { Http2Connection } from './visitors/http2-connection.js';
import { RelayClock, SWEEP_MS } from './clock.js';
import { MAX_CODED_PAGES, type RelayLimits } from './limits.js';
import type { RelayError, RelayErrorCode } from './answers/relay-error.js';
import { type ReplayAnswer, type ReplayOptions, ReplayVisitor } from './visitors/replay-visitor.js';
import { type RequestBudget, RequestBudgets } from './routing/request-budget.js';
import type { Route } from './routing/route.js';
import { RouteTraffic } from './routing/route-traffic.js';
import type { RouteSource } from './routing/route-source.js';
import type { StreamPools } from './upstream/stream-pools.js';
import { type HandOff, NO_HAND_OFF } from './visitors/hand-off.js';
import type { VisitorConnection } from './exchange/visitor.js';

const ROUTING_POLL_MS = 10;

/** How often the routes of open exchanges are looked at; they are read again when they are old. */
const REFRESH_MS = 2500;

const REVALIDATIONS_AT_ONCE = 32;

export interface RelayOptions {
  /** The relay advances it; give the one that its router reads. Default: a clock of its own. */
  readonly clock?: RelayClock;
  readonly routes: RouteSource;
  /** Default: lets every request in that has a route. */
  readonly gate?: AccessGate;
  readonly limits: RelayLimits;
  /** Default: none. */
  readonly trustedProxies?: TrustedProxies;
  /** Those of all routes; several relays may share them. */
  readonly pools: StreamPools;
  /** What is given away instead of becoming exchanges. Default: nothing. */
  readonly handOff?: HandOff;
  /** Gets what should never happen: an exception inside the relay. */
  readonly onFault: (error: unknown) => void;
  /** Gets each answer the relay made itself. */
  readonly onFailure?: (error: RelayError, hostname: string) => void;
}

export interface AcceptOptions {
  readonly isSecure: boolean;
  readonly protocol?: 'http/1.1' | 'h2';
}

export interface RelayCounters {
  connections: number;
  exchanges: number;
  bytesIn: number;
  bytesOut: number;
  readonly failures: Partial<Record<RelayErrorCode, number>>;
}

export class Relay {
  readonly clock: RelayClock;
  isDraining = false;
  private codedPages = 0;
  private refreshAt = 0;
  readonly limits: RelayLimits;
  readonly gate: AccessGate;
  readonly trustedProxies: TrustedProxies;
  readonly handOff: Required<HandOff>;
  private readonly budgets: RequestBudgets;
  readonly counters: RelayCounters = { connections: 0, exchanges: 0, bytesIn: 0, bytesOut: 0, failures: {} };

  /** By the ids of the previews whose exchanges they watch. Usually empty, which is all that an exchange looks at. */
  readonly observers = new Map<string, ExchangeObserver>();

  private readonly connections = new Set<VisitorConnection>();
  private readonly connectionsByAddress = new Map<string, number>();
  /** Previews used since they were last asked for; bounded by the routes there are. */
  private readonly usedRoutes = new Set<Route>();
  /** Of routes that are not known as used any more. */
  private leftTraffic: RouteTraffic[] = [];
  private readonly sweeper: NodeJS.Timeout;
  private whenEmpty: (() => void) | null = null;

  constructor(private readonly options: RelayOptions) {
    this.clock = options.clock ?? new RelayClock();
    this.limits = options.limits;
    this.gate = options.gate ?? { check: () => 'allow' };
    this.budgets = new RequestBudgets(options.limits.maxRequestsPerTeam);
    options.routes.cache?.onChange(
      (hostname) => void this.handleRouteChange(hostname).catch((error: unknown) => this.reportFault(error)),
    );
    this.trustedProxies = options.trustedProxies ?? new TrustedProxies([]);
    this.handOff = { ...NO_HAND_OFF, ...options.handOff };
    restoreFastStrings();
    this.sweeper = setInterval(() => this.sweep(), SWEEP_MS);
    this.sweeper.unref();
  }

  /** Open connections of visitors. */
  get connectionCount(): number {
    return this.connections.size;
  }

  /**
   * Takes a visitor's socket, after TLS where there is TLS. The socket must allow half-open connections.
   * @param options.protocol what ALPN agreed on; HTTP/1.1 without it
   */
  accept(socket: Socket, { isSecure, protocol = 'http/1.1' }: AcceptOptions): void {
    const address = plainAddress(socket.remoteAddress);
    const { maxConnectionsPerAddress } = this.limits;
    if (maxConnectionsPerAddress > 0) {
      const held = this.connectionsByAddress.get(address) ?? 0;
      if (held >= maxConnectionsPerAddress) {
        socket.destroy();
        return;
      }
      this.connectionsByAddress.set(address, held + 1);
    }
    this.counters.connections++;
    this.connections.add(
      protocol === 'h2'
        ? new Http2Connection(this, socket, isSecure)
        : new Http1Connection(this, socket, isSecure),
    );
  }

  /**
   * Has a request take the way of a visitor's that was let in to `route`: limits, budget, stream pool, rewriting and
   * counting are the same. Resolves with the answer, or with why there is none.
   */
  replay(route: Route, options: ReplayOptions): Promise<ReplayAnswer | RelayError> {
    return new Promise((resolve) => {
      const visitor = new ReplayVisitor(this, options, route.hostname, resolve);
      this.connections.add(visitor);
      visitor.start(route);
    });
  }

  /** Drops what a change of `hostname` has made stale, and ends exchanges that would not be let in now. */
  async handleRouteChange(hostname: string): Promise<void> {
    this.options.routes.cache?.invalidate(hostname);
    await this.revalidate((exchange) => exchange.hostname === hostname);
  }

  /**
   * The access of some visitors has changed: judges exchanges again that the gate let in. Those that it has yet to
   * answer are left to it.
   * @param concerns reports whether the change may concern the sender of a request; without it, all senders
   */
  async handleAccessChange(concerns: (request: RequestHead) => boolean = () => true): Promise<void> {
    const { cache } = this.options.routes;
    await this.revalidate(
      ({ isRouting, hostname, request }) =>
        !isRouting && cache?.cached(hostname)?.access !== 'public' && concerns(request),
    );
  }

  /** After events may have been lost: looks at everything again. */
  async handleGap(): Promise<void> {
    this.options.routes.cache?.clear();
    await this.revalidate(() => true);
  }

  /**
   * Finishes the exchanges under way, then resolves. Idle connections end at once. Streams that were taken over may
   * carry those exchanges: they stay, and whoever took them ends them.
   */
  async drain(graceMs: number): Promise<void> {
    this.isDraining = true;
    for (const connection of this.connections) {
      connection.drain();
      for (const exchange of connection.exchanges()) exchange.drain();
    }
    if (!this.isDrained) {
      const timer = setTimeout(() => this.whenEmpty?.(), graceMs);
      await new Promise<void>((resolve) => (this.whenEmpty = resolve));
      clearTimeout(timer);
    }
  }

  /** Resolves when no request needs a new stream any more, after `drain`; after `maxMs` in any case. */
  async whenRouted(maxMs: number): Promise<void> {
    const deadline = performance.now() + maxMs;
    while (performance.now() < deadline && this.isRouting()) {
      await new Promise((resolve) => setTimeout(resolve, ROUTING_POLL_MS));
    }
  }

  /** Ends everything at once. */
  close(): void {
    clearInterval(this.sweeper);
    for (const connection of this.connections) connection.destroy();
  }

  /** Ids of the previews that had an exchange since the last call, or have one still. */
  takeUsedPreviews(): string[] {
    const ids: string[] = [];
    for (const route of this.usedRoutes) {
      ids.push(route.id);
      if (route.active > 0) continue;
      route.budget!.holders--;
      route.budget = null;
      this.usedRoutes.delete(route);
      if (!route.traffic.isEmpty) this.leftTraffic.push(takeTraffic(route));
    }
    return ids;
  }

  /** What previews were sent and answered since the last call; of one preview there may be several. */
  takeTraffic(): RouteTraffic[] {
    const taken = this.leftTraffic;
    this.leftTraffic = [];
    for (const route of this.usedRoutes) if (!route.traffic.isEmpty) taken.push(takeTraffic(route));
    return taken;
  }

  /** How many requests the previews of each team had forwarded since the last call. */
  takeRequestCounts(): Map<string, number> {
    return this.budgets.takeCounts(this.clock.now);
  }

  // --- For connections and exchanges ----------------------------------------------------------------------

  findRoute(hostname: string, request: RequestHead): Route | null | Promise<Route | null> {
    return this.options.routes.find(hostname, request);
  }

  /** A connection carries nothing but streams that were taken over. */
  handleIdleCarrier(): void {
    if (this.isDraining && this.isDrained) this.whenEmpty?.();
  }

  forget(connection: VisitorConnection): void {
    if (!this.connections.delete(connection)) return;
    if (this.limits.maxConnectionsPerAddress > 0) {
      const held = (this.connectionsByAddress.get(connection.peer) ?? 1) - 1;
      if (held > 0) this.connectionsByAddress.set(connection.peer, held);
      else this.connectionsByAddress.delete(connection.peer);
    }
    if (this.isDrained) this.whenEmpty?.();
  }

  /** Like `forget`, of what holds no connection. */
  forgetReplay(visitor: ReplayVisitor): void {
    this.connections.delete(visitor);
    if (this.isDrained) this.whenEmpty?.();
  }

  /** Asks for what a page with a banner needs. False while too many are unpacked: the page then stays as it is. */
  takePage(coding: PageCoding): boolean {
    if (coding === 'identity') return true;
    if (this.codedPages >= MAX_CODED_PAGES) return false;
    this.codedPages++;
    return true;
  }

  /** Gives it back. */
  leavePage(page: PageBody): void {
    page.destroy();
    if (page.isCoded) this.codedPages--;
  }

  /** The budget of its team. Once per route and call of `takeUsedPreviews`: costs a request one comparison. */
  noteUse(route: Route): RequestBudget | null {
    if (route.kind !== 'preview') return null;
    this.usedRoutes.add(route);
    return (route.budget = this.budgets.hold(route.teamId, this.clock.now));
  }

  recordFailure(error: RelayError, hostname: string): void {
    this.counters.failures[error.code] = (this.counters.failures[error.code] ?? 0) + 1;
    this.options.onFailure?.(error, hostname);
  }

  reportFault(error: unknown): void {
    this.options.onFault(error);
  }

  private get isDrained(): boolean {
    for (const connection of this.connections) if (!connection.isIdleCarrier) return false;
    return true;
  }

  private isRouting(): boolean {
    for (const connection of this.connections) {
      for (const exchange of connection.exchanges()) if (exchange.isRouting) return true;
    }
    return false;
  }

  private async revalidate(concerns: (exchange: Exchange) => boolean): Promise<void> {
    const concerned: Exchange[] = [];
    for (const connection of this.connections) {
      for (const exchange of connection.exchanges()) if (concerns(exchange)) concerned.push(exchange);
    }
    // Several at a time: one slow answer of the store must not keep the others open.
    const worker = async (): Promise<void> => {
      for (let exchange = concerned.pop(); exchange !== undefined; exchange = concerned.pop()) {
        try {
          await exchange.revalidate(await this.findRoute(exchange.hostname, exchange.request));
        } catch (error) {
          this.reportFault(error);
          await exchange.revalidate(null);
        }
      }
    };
    await Promise.all(Array.from({ length: REVALIDATIONS_AT_ONCE }, worker));
  }

  /** Of exchanges that stay open, for which nobody asks again. */
  private refreshRoutes(): void {
    this.refreshAt = this.clock.now + REFRESH_MS;
    const { cache } = this.options.routes;
    if (cache === undefined) return;
    for (const connection of this.connections) {
      for (const { hostname } of connection.exchanges()) cache.refresh(hostname);
    }
  }

  private sweep(): void {
    this.clock.advance();
    const { now } = this.clock;
    for (const connection of this.connections) connection.sweep(now);
    if (now >= this.refreshAt) this.refreshRoutes();
    this.options.routes.cache?.rereadDue();
    this.options.pools.sweep(now);
  }
}

function takeTraffic(route: Route): RouteTraffic {
  const { traffic } = route;
  route.traffic = new RouteTraffic(route.teamId, route.id);
  return traffic;
}
