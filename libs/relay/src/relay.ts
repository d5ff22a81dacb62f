/**
 * The data plane of one edge, or of one port of a traffic agent, without any framework: accepts sockets, advances the
 * clock, and enforces time-outs. Its collaborators are given to it; connections and exchanges see it as `RelayHost`.
 */
import type { Socket } from 'node:net';
import type { RequestHead } from '@culvert/http1';
import { plainAddress } from '@culvert/sockets';
import type { RelayError, RelayErrorCode } from './answers/relay-error.js';
import { RelayClock, SWEEP_MS } from './clock.js';
import { ExchangeState } from './exchange/exchange-state.js';
import type { Exchange } from './exchange/exchange.js';
import type { MeasuredExchange } from './exchange/exchange-record.js';
import type { ExchangeObserver } from './exchange/exchange-trace.js';
import type { RelayCounters } from './exchange/host.js';
import type { WebSocketEnding } from './exchange/web-socket-ending.js';
import type { RelayLimits } from './limits.js';
import { type MeasuredLimit, RelayMeasures } from './measures.js';
import type { AccessGate } from './routing/access-gate.js';
import type { RequestBudget } from './routing/request-budget.js';
import type { Route } from './routing/route.js';
import type { RouteSource } from './routing/route-source.js';
import type { RouteTraffic } from './routing/route-traffic.js';
import { RouteUse } from './routing/route-use.js';
import type { StreamPools } from './upstream/stream-pools.js';
import type { ConnectionPlaces } from './visitors/connection-places.js';
import { Connections } from './visitors/connections.js';
import { TrustedProxies } from './visitors/forwarded.js';
import { type HandOff, NO_HAND_OFF } from './visitors/hand-off.js';
import type { ConnectionHost } from './visitors/host.js';
import { Http1Connection } from './visitors/http1-connection.js';
import { Http2Connection } from './visitors/http2-connection.js';
import { type ReplayAnswer, type ReplayOptions, ReplayRequester } from './visitors/replay-requester.js';
import type { VisitorConnection } from './visitors/visitor-connection.js';

/** How often the routes of open exchanges are checked; old ones are read again. */
const REFRESH_MS = 2500;

const REVALIDATIONS_AT_ONCE = 32;

/** Errors that say that a limit was reached. */
const LIMITS: Partial<Record<RelayErrorCode, MeasuredLimit>> = {
  too_many_requests: 'requests_per_preview',
  team_request_limit: 'requests_per_team',
  stream_limit: 'streams_per_tunnel',
  body_too_large: 'body_size',
};

/** Options that differ between an edge and a port of a traffic agent. */
export interface RelayOptions {
  /** Clock that the relay advances: the one that its router reads. Default: a clock of its own. */
  readonly clock?: RelayClock;
  readonly routes: RouteSource;
  /** Gate that every request passes; `OPEN_GATE` where everyone that connects may pass. */
  readonly gate: AccessGate;
  readonly limits: RelayLimits;
  /** Peers whose `X-Forwarded-*` are believed. Default: none. */
  readonly trustedProxies?: TrustedProxies;
  /** Pools of all routes, which the relay sweeps; several relays may share them. */
  readonly pools: StreamPools;
  /** Connections and requests that are handed off instead of becoming exchanges. Default: none. */
  readonly handOff?: HandOff;
  /** Whether requests get ids, which services and visitors receive as `X-Request-Id`. Default: no. */
  readonly hasRequestIds?: boolean;
  /** What the relay counts into. Default: measures of its own. */
  readonly measures?: RelayMeasures;
  /** Receives unexpected exceptions inside the relay. */
  readonly onFault: (error: unknown) => void;
  /** Receives each exchange when it ends. It must be quick: it runs once per request. */
  readonly onEnd?: (exchange: MeasuredExchange) => void;
  /** Receives the answer to each request that could not become an exchange. */
  readonly onRefusal?: (error: RelayError, peer: string) => void;
}

/** How a connection arrived. */
export interface AcceptOptions {
  /** Whether it came over TLS. */
  readonly isSecure: boolean;
  readonly protocol?: 'http/1.1' | 'h2';
}

/** Accepts visitors' connections and replays, and answers each request from the ingress of its route. */
export class Relay {
  private readonly host: RelayHost;
  private readonly sweeper: NodeJS.Timeout;
  private refreshAt = 0;

  constructor(private readonly options: RelayOptions) {
    this.host = new RelayHost(options);
    options.routes.cache?.onChange(
      (hostname) =>
        void this.handleRouteChange(hostname).catch((error: unknown) => this.host.reportFault(error)),
    );
    this.sweeper = setInterval(() => this.sweep(), SWEEP_MS);
    this.sweeper.unref();
  }

  get limits(): RelayLimits {
    return this.host.limits;
  }

  get trustedProxies(): TrustedProxies {
    return this.host.trustedProxies;
  }

  get counters(): RelayCounters {
    return this.host.counters;
  }

  get measures(): RelayMeasures {
    return this.host.measures;
  }

  /** Exchanges in progress. Counted at each call. */
  get exchangeCount(): number {
    let count = 0;
    for (const exchange of this.host.connections.exchanges())
      if (exchange.state !== ExchangeState.DONE) count++;
    return count;
  }

  /** Observers by the ids of the previews whose exchanges they watch. */
  get observers(): Map<string, ExchangeObserver> {
    return this.host.observers;
  }

  /** Whether `drain` was called. */
  get isDraining(): boolean {
    return this.host.isDraining;
  }

  /** Places of visitors' connections, which processes on one port share. */
  get places(): ConnectionPlaces {
    return this.host.connections.places;
  }

  /** Open connections of visitors. */
  get connectionCount(): number {
    return this.host.connections.size;
  }

  /**
   * Takes a visitor's socket, after TLS where there is TLS. The socket must allow half-open connections.
   * @param options.protocol what ALPN agreed on; HTTP/1.1 without it
   */
  accept(socket: Socket, { isSecure, protocol = 'http/1.1' }: AcceptOptions): void {
    const { host } = this;
    if (!host.connections.reserve(plainAddress(socket.remoteAddress))) {
      host.measures.countLimit('connections_per_address');
      socket.destroy();
      return;
    }
    host.counters.connections++;
    host.connections.add(
      protocol === 'h2'
        ? new Http2Connection(host, socket, isSecure)
        : new Http1Connection(host, socket, isSecure),
    );
  }

  /** Finds the route of a request, as for a visitor's. */
  findRoute(hostname: string, request: RequestHead): Route | null | Promise<Route | null> {
    return this.host.routes.find(hostname, request);
  }

  /**
   * Sends a request like one of a visitor that was let in to `route`: limits, budget, stream pool, rewriting and
   * counting are the same. Resolves with the answer, or with the reason why it failed.
   */
  replay(route: Route, options: ReplayOptions): Promise<ReplayAnswer | RelayError> {
    const { connections } = this.host;
    return new Promise((resolve) => {
      const requester = new ReplayRequester(this.host, options, route.hostname, (outcome) => {
        connections.forgetReplay(requester);
        resolve(outcome);
      });
      connections.add(requester);
      requester.start(route);
    });
  }

  /** Forgets what a change of `hostname` made stale, and ends exchanges that would not be let in now. */
  async handleRouteChange(hostname: string): Promise<void> {
    this.host.routes.cache?.invalidate(hostname);
    await this.revalidate((exchange) => exchange.hostname === hostname);
  }

  /**
   * The access of some visitors has changed: judges exchanges again that the gate let in. Those that it has yet to
   * answer are left to it.
   * @param concerns reports whether the change may concern the sender of a request; without it, all senders
   */
  async handleAccessChange(concerns: (request: RequestHead) => boolean = () => true): Promise<void> {
    const { cache } = this.host.routes;
    await this.revalidate(
      ({ state, hostname, request }) =>
        state !== ExchangeState.ROUTING && cache?.cached(hostname)?.access !== 'public' && concerns(request),
    );
  }

  /** Judges everything again, after events may have been lost. */
  async handleGap(): Promise<void> {
    this.host.routes.cache?.clear();
    await this.revalidate(() => true);
  }

  /**
   * From now on visitors learn that their connections will end: over HTTP/1.1 by `Connection: close` in their next answer,
   * over HTTP/2 by GOAWAY. New connections and requests are served as before. `drain` follows.
   */
  giveNotice(): void {
    this.host.isLeaving = true;
    this.host.connections.giveNotice();
  }

  /**
   * Finishes the exchanges under way, then resolves. Those that take longer than `graceMs` end: WebSockets with close frames,
   * others visibly incomplete or with an error. Idle connections end at once. Streams that were handed off may
   * carry those exchanges: they stay until the function that took them ends them.
   */
  async drain(graceMs: number): Promise<void> {
    this.host.isLeaving = true;
    this.host.isDraining = true;
    await this.host.connections.drain(graceMs);
  }

  /** Resolves when no request needs a new stream after `drain`, and after `maxMs` in any case. */
  async whenRouted(maxMs: number): Promise<void> {
    if (!this.host.connections.isRouting) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.host.whenRouted = resolve;
      timer = setTimeout(resolve, maxMs);
    });
    this.host.whenRouted = null;
    clearTimeout(timer);
  }

  /** Ends everything at once. */
  close(): void {
    clearInterval(this.sweeper);
    this.host.connections.destroy();
  }

  /** Returns the ids of the previews that had an exchange since the last call, or have one still. */
  drainUsedPreviews(): string[] {
    return this.host.use.drainPreviews();
  }

  /** Returns the traffic of previews since the last call; a preview may have several entries. */
  drainTraffic(): RouteTraffic[] {
    return this.host.use.drainTraffic();
  }

  /** Returns how many requests the previews of each team had forwarded since the last call. */
  drainRequestCounts(): Map<string, number> {
    return this.host.use.drainRequestCounts(this.host.clock.now);
  }

  /** As `RequestBudgets.drainUnshared`. */
  drainUnsharedRequests(min: number): Map<string, number> {
    return this.host.use.budgets.drainUnshared(min);
  }

  /** As `RequestBudgets.lowerTo`. */
  lowerRequestBudget(teamId: string, left: number): void {
    this.host.use.budgets.lowerTo(teamId, left, this.host.clock.now);
  }

  private async revalidate(concerns: (exchange: Exchange) => boolean): Promise<void> {
    const concerned: Exchange[] = [];
    for (const exchange of this.host.connections.exchanges())
      if (concerns(exchange)) concerned.push(exchange);
    // Several at a time: one slow answer of the store must not keep the others open.
    const worker = async (): Promise<void> => {
      for (let exchange = concerned.pop(); exchange !== undefined; exchange = concerned.pop()) {
        try {
          await exchange.revalidate(await this.findRoute(exchange.hostname, exchange.request));
        } catch (error) {
          this.host.reportFault(error);
          await exchange.revalidate(null);
        }
      }
    };
    await Promise.all(Array.from({ length: REVALIDATIONS_AT_ONCE }, worker));
  }

  /** Reads again the routes of exchanges that stay open: no request asks for them. */
  private refreshRoutes(): void {
    this.refreshAt = this.host.clock.now + REFRESH_MS;
    const { connections, routes } = this.host;
    const { cache } = routes;
    if (cache === undefined) return;
    for (const { hostname } of connections.exchanges()) cache.refresh(hostname);
  }

  private sweep(): void {
    const { clock, connections, routes } = this.host;
    clock.advance();
    const { now } = clock;
    connections.sweep(now);
    if (now >= this.refreshAt) this.refreshRoutes();
    routes.cache?.rereadDue();
    this.options.pools.sweep(now);
  }
}

/** The relay as its connections and exchanges see it. */
class RelayHost implements ConnectionHost {
  readonly clock: RelayClock;
  readonly limits: RelayLimits;
  readonly routes: RouteSource;
  readonly gate: AccessGate;
  readonly trustedProxies: TrustedProxies;
  readonly handOff: Required<HandOff>;
  readonly observers = new Map<string, ExchangeObserver>();
  readonly counters: RelayCounters = { connections: 0, exchanges: 0, bytesIn: 0, bytesOut: 0, failures: {} };
  readonly measures: RelayMeasures;
  readonly hasRequestIds: boolean;
  readonly handleEnd: RelayOptions['onEnd'];
  readonly connections: Connections;
  readonly use: RouteUse;
  readonly reportFault: (error: unknown) => void;
  isLeaving = false;
  isDraining = false;
  /** What `Relay.whenRouted` waits for, while it does. */
  whenRouted: (() => void) | null = null;
  private readonly onRefusal: RelayOptions['onRefusal'];

  constructor(options: RelayOptions) {
    this.clock = options.clock ?? new RelayClock();
    this.limits = options.limits;
    this.routes = options.routes;
    this.gate = options.gate;
    this.trustedProxies = options.trustedProxies ?? new TrustedProxies([]);
    this.handOff = { ...NO_HAND_OFF, ...options.handOff };
    this.connections = new Connections(options.limits.maxConnectionsPerAddress);
    this.use = new RouteUse(options.limits.maxRequestsPerTeam);
    this.reportFault = options.onFault;
    this.onRefusal = options.onRefusal;
    this.handleEnd = options.onEnd;
    this.measures = options.measures ?? new RelayMeasures();
    this.hasRequestIds = options.hasRequestIds ?? false;
  }

  forget(connection: VisitorConnection): void {
    this.connections.forget(connection);
  }

  addEnding(ending: WebSocketEnding): void {
    this.connections.addEnding(ending);
  }

  forgetEnding(ending: WebSocketEnding): void {
    this.connections.forgetEnding(ending);
  }

  handleIdleCarrier(): void {
    this.connections.noticeDrained();
  }

  handleRouted(): void {
    if (this.whenRouted !== null && !this.connections.isRouting) this.whenRouted();
  }

  noteUse(route: Route): RequestBudget | null {
    return this.use.note(route, this.clock.now);
  }

  recordFailure({ code }: RelayError): void {
    this.counters.failures[code] = (this.counters.failures[code] ?? 0) + 1;
    const limit = LIMITS[code];
    if (limit !== undefined) this.measures.countLimit(limit);
  }

  recordRefusal(error: RelayError, peer: string): void {
    this.recordFailure(error);
    this.onRefusal?.(error, peer);
  }
}
