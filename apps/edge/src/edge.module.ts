import type { Server } from 'node:http';
import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { EventBus } from '@culvert/events';
import type { Store } from '@culvert/domain';
import { ApiKeyUse, EVENT_BUS, LOG, SETTINGS, STORE } from '@culvert/nest';
import { Metrics } from '@culvert/metrics';
import type { Settings } from '@culvert/runtime';
import type { Logger } from 'pino';
import { buildEdge, type BuiltEdge } from './build-edge.js';
import { Edge } from './edge.js';
import { NativeTunnels } from './tunnels/native-tunnels.js';
import { TunnelAuthenticator } from './tunnels/tunnel-authenticator.js';
import { TunnelSessions } from './tunnels/tunnel-sessions.js';
import { TunnelGateway } from './tunnels/tunnel.gateway.js';

const BUILT_EDGE = Symbol('BuiltEdge');

/**
 * The edge as a part of an application. Needs the global modules of libs/nest. Requests for the app host go to
 * `API_UPSTREAM_URL`, or, if that is not set, to the HTTP server of the application.
 */
@Module({})
export class EdgeModule {
  static register(): DynamicModule {
    return {
      module: EdgeModule,
      providers: [
        ApiKeyUse,
        {
          provide: BUILT_EDGE,
          inject: [SETTINGS, LOG, STORE, EVENT_BUS, Metrics, ApiKeyUse, HttpAdapterHost],
          useFactory: (
            settings: Settings,
            log: Logger,
            store: Store,
            bus: EventBus,
            metrics: Metrics,
            apiKeyUse: ApiKeyUse,
            { httpAdapter }: HttpAdapterHost,
          ) => {
            const server = (): Server => httpAdapter.getHttpServer() as Server;
            return buildEdge({ settings, log, store, bus, metrics, apiKeyUse, server });
          },
        },
        partOfEdge(Edge, ({ edge }) => edge),
        partOfEdge(TunnelSessions, ({ tunnels }) => tunnels),
        partOfEdge(NativeTunnels, ({ nativeTunnels }) => nativeTunnels),
        partOfEdge(TunnelAuthenticator, ({ authenticator }) => authenticator),
        TunnelGateway,
      ],
      exports: [Edge, TunnelSessions, TunnelAuthenticator],
    };
  }
}

function partOfEdge<T>(type: abstract new (...args: never) => T, pick: (built: BuiltEdge) => T): Provider {
  return { provide: type, inject: [BUILT_EDGE], useFactory: pick };
}
