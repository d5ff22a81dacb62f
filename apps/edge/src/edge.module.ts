import type { Server } from 'node:http';
import net, { isIP } from 'node:net';
import { duplexPair } from 'node:stream';
import { type DynamicModule, Module } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Banners } from '@culvert/banner';
import { Announcer, type EventBus } from '@culvert/cluster';
import type { Store } from '@culvert/domain';
import { ApiKeyUse, EVENT_BUS, LOG, METRICS, SETTINGS, STORE } from '@culvert/nest';
import { appUrl, type Settings } from '@culvert/runtime';
import {
  DEFAULT_RELAY_LIMITS,
  Relay,
  RelayClock,
  type RelayLimits,
  Route,
  Router,
  SocketDialer,
  StreamPools,
  type TakenStream,
  TrustedProxies,
  TunnelRegistry,
} from '@culvert/relay';
import { TUNNEL_PATH } from '@culvert/tunnel';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { Edge, handToServer } from './edge.js';
import { registerEdgeMetrics } from './edge.metrics.js';
import { FailureLog } from './exchanges/failure-log.js';
import { ExchangeWatches } from './exchanges/exchange-watches.js';
import { PreviewEntrance } from './previews/preview-entrance.js';
import { PreviewGate } from './previews/preview-gate.js';
import { PreviewRoutes } from './previews/preview-routes.js';
import { PreviewTrafficRecords } from './previews/preview-traffic-records.js';
import { PreviewUse } from './previews/preview-use.js';
import { Replays } from './replays/replays.js';
import { Telepresence } from './telepresence/telepresence.js';
import { TunnelAuthenticator } from './tunnels/tunnel-authenticator.js';
import { TunnelSessions } from './tunnels/tunnel-sessions.js';
import { TunnelGateway } from './tunnels/tunnel.gateway.js';

/**
 * The edge as a part of an application. Needs the global modules of platform. Requests for the app host go to
 * `API_UPSTREAM_URL`, or, without one, to the HTTP server of the application this module is part of.
 */
@Module({})
export class EdgeModule {
  static register(): DynamicModule {
    return {
      module: EdgeModule,
      providers: [
        ApiKeyUse,
        {
          provide: TrustedProxies,
          inject: [SETTINGS],
          useFactory: (settings: Settings) => new TrustedProxies(settings.trustedProxies),
        },
        { provide: TunnelRegistry, useFactory: () => new TunnelRegistry() },
        {
          provide: PreviewGate,
          inject: [STORE, SETTINGS, TrustedProxies, ApiKeyUse],
          useFactory: (store: Store, settings: Settings, trustedProxies: TrustedProxies, use: ApiKeyUse) => {
            const { scheme, previewDomain } = settings.public;
            const entrance = new PreviewEntrance(store, { scheme, appUrl: appUrl(settings) });
            return new PreviewGate(store, entrance, use, { scheme, previewDomain, trustedProxies });
          },
        },
        {
          provide: TunnelAuthenticator,
          inject: [STORE, ApiKeyUse, TrustedProxies],
          useFactory: (...parts: ConstructorParameters<typeof TunnelAuthenticator>) =>
            new TunnelAuthenticator(...parts),
        },
        {
          provide: TunnelSessions,
          inject: [STORE, TunnelRegistry, SETTINGS, LOG, ApiKeyUse, EVENT_BUS],
          useFactory: (
            store: Store,
            registry: TunnelRegistry,
            settings: Settings,
            log: Logger,
            use: ApiKeyUse,
            bus: EventBus,
          ) => {
            const announcer = new Announcer(bus, log);
            return new TunnelSessions(store, registry, settings.limits, log, use, (change) =>
              announcer.changed(change),
            );
          },
        },
        {
          provide: Telepresence,
          inject: [STORE, EVENT_BUS, TunnelSessions, TunnelRegistry, SETTINGS, LOG, ApiKeyUse],
          useFactory: (...parts: ConstructorParameters<typeof Telepresence>) => new Telepresence(...parts),
        },
        {
          provide: Relay,
          inject: [
            STORE,
            TunnelRegistry,
            PreviewGate,
            Telepresence,
            SETTINGS,
            TrustedProxies,
            LOG,
            HttpAdapterHost,
          ],
          useFactory: createRelay,
        },
        {
          provide: Edge,
          inject: [
            Relay,
            TunnelRegistry,
            TunnelSessions,
            PreviewGate,
            Telepresence,
            SETTINGS,
            LOG,
            EVENT_BUS,
            METRICS,
          ],
          useFactory: createEdge,
        },
        {
          provide: PreviewUse,
          inject: [STORE, Relay, LOG],
          useFactory: (store: Store, relay: Relay, log: Logger) =>
            new PreviewUse(store.background, relay, log),
        },
        {
          provide: PreviewTrafficRecords,
          inject: [STORE, Relay, LOG],
          useFactory: (store: Store, relay: Relay, log: Logger) =>
            new PreviewTrafficRecords(store.background.previewTraffic, relay, log),
        },
        TunnelGateway,
      ],
      exports: [Edge, Relay, TunnelSessions, TunnelAuthenticator],
    };
  }
}

function createEdge(
  relay: Relay,
  registry: TunnelRegistry,
  tunnels: TunnelSessions,
  gate: PreviewGate,
  telepresence: Telepresence,
  settings: Settings,
  log: Logger,
  bus: EventBus,
  metrics: Registry,
): Edge {
  const watches = new ExchangeWatches(relay, gate, bus, log);
  const replays = new Replays({ relay, tunnels: registry, watches, bus, log });
  registerEdgeMetrics(metrics, relay, tunnels, replays);
  return new Edge(relay, tunnels, gate, telepresence, watches, replays, settings, log, bus);
}

function createRelay(
  store: Store,
  tunnels: TunnelRegistry,
  gate: PreviewGate,
  telepresence: Telepresence,
  settings: Settings,
  trustedProxies: TrustedProxies,
  log: Logger,
  adapterHost: HttpAdapterHost,
): Relay {
  const server = (): Server => adapterHost.httpAdapter.getHttpServer() as Server;
  const pools = new StreamPools();
  const previews = new PreviewRoutes(store, tunnels, pools, new Banners(), settings.public.scheme);
  const appRoute = Route.forApp(settings.public.appHostname, pools.open(appDialer(settings, server)));
  const previewSuffix = `.${settings.public.previewDomain}`;
  const isApp = (hostname: string): boolean =>
    !hostname.endsWith(previewSuffix) && isAppHostname(hostname, settings.public.appHostname);
  const failures = new FailureLog(log);
  const clock = new RelayClock();
  const router = new Router(
    (hostname) => (hostname.endsWith(previewSuffix) ? previews.resolve(hostname) : Promise.resolve(null)),
    clock,
  );
  // Under any name but a preview's: a traffic manager may know the edge by an internal one. The key guards it.
  const isTunnel = (target: string, hostname: string): boolean =>
    (target === TUNNEL_PATH || target.startsWith(`${TUNNEL_PATH}?`)) && !hostname.endsWith(previewSuffix);
  const takeTunnel = (socket: net.Socket): void => handToServer(server(), socket);
  const takeCall = (stream: TakenStream): void => telepresence.serve(stream);
  const relay = new Relay({
    clock,
    routes: { find: (hostname) => (isApp(hostname) ? appRoute : router.find(hostname)), cache: router },
    gate,
    limits: relayLimits(settings),
    trustedProxies,
    pools,
    handOff: {
      ofUpgrade: ({ target }, hostname) => (isTunnel(target, hostname) ? takeTunnel : null),
      ofStream: (request, hostname) => (telepresence.isCall(request) && isApp(hostname) ? takeCall : null),
    },
    onFault: (error) => log.error({ err: error }, 'relay fault'),
    onFailure: (error, hostname) => failures.add(error, hostname),
  });
  return relay;
}

/** By name; or by address, as health checks and local tools do: no page can point a name at that. */
function isAppHostname(hostname: string, appHostname: string): boolean {
  return (
    hostname === appHostname ||
    hostname === 'localhost' ||
    isIP(hostname.startsWith('[') ? hostname.slice(1, -1) : hostname) !== 0
  );
}

function appDialer(settings: Settings, server: () => Server): SocketDialer {
  if (settings.apiUpstreamUrl === undefined) {
    return new SocketDialer(() => {
      const [near, far] = duplexPair();
      // Neither hears by itself that the other is gone. What came to an end properly is not cut short.
      near.once('close', () => far.destroy());
      far.once('close', () => {
        if (!far.writableFinished) near.destroy();
      });
      server().emit('connection', far);
      return near;
    });
  }
  const url = new URL(settings.apiUpstreamUrl);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = Number(url.port || 80);
  return new SocketDialer(() => net.connect({ host, port, noDelay: true }));
}

function relayLimits({ limits }: Settings): RelayLimits {
  return {
    head: {
      maxHeadBytes: limits.maxHeaderBytes,
      maxFieldCount: limits.maxHeaderCount,
      maxTargetBytes: limits.maxTargetBytes,
    },
    headTimeoutMs: limits.headTimeoutMs,
    idleTimeoutMs: limits.idleTimeoutMs,
    responseTimeoutMs: limits.responseTimeoutMs,
    stallTimeoutMs: DEFAULT_RELAY_LIMITS.stallTimeoutMs,
    upgradeIdleTimeoutMs: limits.upgradeIdleTimeoutMs,
    managerWaitMs: limits.managerWaitMs,
    maxBodyBytes: limits.maxBodyBytes,
    maxRequestsPerPreview: limits.maxRequestsPerPreview,
    maxRequestsPerTeam: limits.maxPreviewRequestsPerTeam,
    maxConnectionsPerAddress: limits.maxConnectionsPerAddress,
    linger: limits.linger,
    http2: limits.http2,
  };
}
