/** Builds an edge: the only place where its parts are created and connected. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Banners } from '@culvert/banner';
import { Announcer, type EventBus } from '@culvert/events';
import { ExchangeVault } from '@culvert/exchanges';
import type { Fleet } from '@culvert/fleet';
import type { ResourceChange, Store } from '@culvert/domain';
import type { Metrics } from '@culvert/metrics';
import type { ApiKeyUse } from '@culvert/nest';
import {
  Relay,
  RelayClock,
  RelayMeasures,
  Route,
  Router,
  type RouteSource,
  StreamPools,
  type HandedOffStream,
  type HandOff,
  TrustedProxies,
  TunnelRegistry,
} from '@culvert/relay';
import { appUrl, type Settings } from '@culvert/runtime';
import { KeyRing } from '@culvert/sealing';
import { TUNNEL_PATH } from '@culvert/tunnel';
import type { Logger } from 'pino';
import { appDialer, isAppHostname } from './app-route.js';
import { Edge, handToServer } from './edge.js';
import { registerEdgeMetrics } from './edge.metrics.js';
import { edgeName } from './edge-name.js';
import { ExchangeWatches } from './exchanges/exchange-watches.js';
import { ExchangeLog } from './exchanges/exchange-log.js';
import { KeptExchangeWriter } from './exchanges/kept-exchange-writer.js';
import { joinFleet } from './fleet/join-fleet.js';
import { PreviewEntrance } from './previews/preview-entrance.js';
import { PreviewGate } from './previews/preview-gate.js';
import { PreviewRoutes } from './previews/preview-routes.js';
import { PreviewTrafficRecords } from './previews/preview-traffic-records.js';
import { PreviewUse } from './previews/preview-use.js';
import { SharedBudgets } from './previews/shared-budgets.js';
import { relayLimits } from './relay-limits.js';
import { Replays } from './replays/replays.js';
import { Telepresence } from './telepresence/telepresence.js';
import { ClusterConflicts } from './tunnels/cluster-conflicts.js';
import { NativeTunnels } from './tunnels/native-tunnels.js';
import { TunnelAuthenticator } from './tunnels/tunnel-authenticator.js';
import { TunnelSessions } from './tunnels/tunnel-sessions.js';
import { workerNumber } from './workers/worker-number.js';

export interface EdgeOptions {
  readonly settings: Settings;
  readonly log: Logger;
  readonly store: Store;
  readonly bus: EventBus;
  readonly metrics: Metrics;
  readonly apiKeyUse: ApiKeyUse;
  /** HTTP server of this process, which accepts the tunnels. It exists only once the application has started. */
  readonly server: () => Server;
}

/** An edge, and those of its parts that the application uses directly. */
export interface BuiltEdge {
  readonly edge: Edge;
  readonly tunnels: TunnelSessions;
  readonly nativeTunnels: NativeTunnels;
  readonly authenticator: TunnelAuthenticator;
}

/**
 * Returns an edge that does not serve yet (`Edge.serve`), and that other edges know. Stopping it stops all its parts.
 * Rejects if its port for other edges cannot be opened.
 */
export async function buildEdge(options: EdgeOptions): Promise<BuiltEdge> {
  const { settings, log, store, bus, metrics, apiKeyUse, server } = options;
  const trustedProxies = new TrustedProxies(settings.trustedProxies);

  // Tunnels: their credentials, their sessions, and the connected traffic managers.
  const registry = new TunnelRegistry();
  const measures = new RelayMeasures();
  const shared = { registry, measures, trustedProxies };
  const { tunnels, nativeTunnels, authenticator, fleet } = await buildTunnels(options, shared);
  const telepresence = new Telepresence({ store, bus, tunnels, registry, settings, log, apiKeyUse });

  const onFault = (error: unknown): void => log.error({ err: error }, 'relay fault');

  const pools = new StreamPools();
  const clock = new RelayClock();
  const names = namesOf(settings);
  const { routes, router, gate } = buildRoutes(options, {
    registry,
    pools,
    clock,
    trustedProxies,
    names,
    onFault,
    onPreview: (preview) => observers.watches.keep(preview),
  });

  const exchangeLog = new ExchangeLog(log, settings.exchangeLog, trustedProxies);
  const relay = new Relay({
    clock,
    routes,
    gate,
    limits: relayLimits(settings),
    trustedProxies,
    pools,
    handOff: handOffOf({ ...names, server, telepresence }),
    onFault,
    measures,
    hasRequestIds: true,
    onEnd: exchangeLog.handleEnd,
    onRefusal: (error, peer) => exchangeLog.handleRefusal(error, peer),
  });

  const observers = buildObservers(options, { relay, gate, registry });
  const { replays, kept } = observers;
  registerEdgeMetrics(metrics, { relay, measures, router, gate, tunnels, replays, exchangeLog, kept, fleet });

  const { lameDuckMs, shutdownGraceMs } = settings;
  const parts = { relay, tunnels, fleet, gate, telepresence, ...observers };
  return {
    edge: new Edge({ ...parts, lameDuckMs, shutdownGraceMs, log, bus }),
    tunnels,
    nativeTunnels,
    authenticator,
  };
}

/** Returns what observes exchanges: the inspector, kept exchanges, replays, recorded use and traffic. */
function buildObservers(
  { settings, log, store, bus }: EdgeOptions,
  {
    relay,
    gate,
    registry,
  }: { readonly relay: Relay; readonly gate: PreviewGate; readonly registry: TunnelRegistry },
) {
  const { previewTraffic, keptExchanges } = store.background;
  const ring = KeyRing.parse(settings.encryptionKeys);
  // Without an encryption key nothing is kept.
  const kept = ring && new KeptExchangeWriter(new ExchangeVault(ring, keptExchanges), keptExchanges, log);
  const watches = new ExchangeWatches(relay, gate, bus, log, (preview) => kept?.queueFor(preview) ?? null);
  return {
    watches,
    kept,
    replays: new Replays({ relay, tunnels: registry, watches, bus, log }),
    previewUse: new PreviewUse(store.background, relay, log),
    traffic: new PreviewTrafficRecords(previewTraffic, relay, log),
    budgets: new SharedBudgets(relay, settings.limits.maxPreviewRequestsPerTeam, settings.redisUrl, log),
  };
}

/** Distinguishes hostnames of previews from those of the application. */
interface Names {
  readonly isPreview: (hostname: string) => boolean;
  readonly isApp: (hostname: string) => boolean;
}

function namesOf({ public: { previewDomain, appHostname } }: Settings): Names {
  const previewSuffix = `.${previewDomain}`;
  const isPreview = (hostname: string): boolean => hostname.endsWith(previewSuffix);
  const isApp = (hostname: string): boolean => !isPreview(hostname) && isAppHostname(hostname, appHostname);
  return { isPreview, isApp };
}

/** Returns the target of each hostname, and the gate in front of it. */
function buildRoutes(
  { settings, store, apiKeyUse, server }: EdgeOptions,
  parts: {
    readonly registry: TunnelRegistry;
    readonly pools: StreamPools;
    readonly clock: RelayClock;
    readonly trustedProxies: TrustedProxies;
    readonly names: Names;
    readonly onFault: (error: unknown) => void;
    readonly onPreview: ConstructorParameters<typeof PreviewRoutes>[6];
  },
): { readonly routes: RouteSource; readonly router: Router; readonly gate: PreviewGate } {
  const { registry, pools, clock, trustedProxies, names, onFault, onPreview } = parts;
  const { scheme, previewDomain, appHostname } = settings.public;
  const previews = new PreviewRoutes(store, registry, pools, new Banners(), settings, onFault, onPreview);
  const appRoute = Route.forApp(appHostname, pools.open(appDialer(settings, server)));
  const router = new Router(
    (hostname) => (names.isPreview(hostname) ? previews.resolve(hostname) : Promise.resolve(null)),
    clock,
  );
  const entrance = new PreviewEntrance(store, { scheme, appUrl: appUrl(settings) });
  const gate = new PreviewGate(store, entrance, apiKeyUse, { scheme, previewDomain, trustedProxies });
  const routes = {
    find: (hostname: string) => (names.isApp(hostname) ? appRoute : router.find(hostname)),
    cache: router,
  };
  return { routes, router, gate };
}

/** Returns what accepts traffic managers and holds their tunnels, and the way to those of other edges. */
async function buildTunnels(
  { settings, log, store, bus, apiKeyUse }: EdgeOptions,
  {
    registry,
    measures,
    trustedProxies,
  }: {
    readonly registry: TunnelRegistry;
    readonly measures: RelayMeasures;
    readonly trustedProxies: TrustedProxies;
  },
): Promise<Omit<BuiltEdge, 'edge'> & { readonly fleet: Fleet | null }> {
  const { limits } = settings;
  const worker = workerNumber(process.env);
  const name = edgeName(settings, worker);
  const announcer = new Announcer(bus, log);
  const announce = (change: ResourceChange): void => announcer.changed(change);
  const tunnels = new TunnelSessions(store, registry, limits, log, apiKeyUse, announce, name);
  tunnels.onLimit = (limit) => measures.countLimit(limit);
  const authenticator = new TunnelAuthenticator(store, apiKeyUse, trustedProxies, tunnels.known);
  tunnels.isAlone = settings.redisUrl === undefined;
  const conflicts = new ClusterConflicts(store, announcer, log);
  const nativeTunnels = new NativeTunnels({ store, registry, sessions: tunnels, conflicts, limits, log });
  const fleet = await joinFleet({ settings, log, registry, edgeId: tunnels.edgeId, name, worker });
  tunnels.machine = fleet;
  return { tunnels, nativeTunnels, authenticator, fleet };
}

/** Returns the handlers of connections and calls that the relay hands off: tunnels go to the HTTP server, and Telepresence's calls to its services. */
function handOffOf({
  isPreview,
  isApp,
  server,
  telepresence,
}: Names & {
  readonly server: () => Server;
  readonly telepresence: Telepresence;
}): HandOff {
  const serveTunnel = (socket: Socket): void => handToServer(server(), socket);
  const serveCall = (stream: HandedOffStream): void => telepresence.serve(stream);
  return {
    // A tunnel is accepted under any name except a preview's: a traffic manager may know the edge by an internal name.
    // The key protects it.
    ofUpgrade: ({ target }, hostname) =>
      isTunnelTarget(target) && !isPreview(hostname) ? serveTunnel : null,
    ofStream: (request, hostname) => (telepresence.isCall(request) && isApp(hostname) ? serveCall : null),
  };
}

function isTunnelTarget(target: string): boolean {
  return target === TUNNEL_PATH || target.startsWith(`${TUNNEL_PATH}?`);
}
