import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { createEventBus } from '@culvert/events';
import { METRICS, serverModules, NestLog, startAdminServer } from '@culvert/nest';
import { Readiness, restoreFastStrings, type Settings, stopOnSignal } from '@culvert/runtime';
import { createStore } from '@culvert/store';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { Edge } from './edge.js';
import { EdgeModule } from './edge.module.js';
import { openHttpRedirect } from './listener/http-redirect.js';
import { PublicListener } from './listener/public-listener.js';
import { TunnelAuthenticator } from './tunnels/tunnel-authenticator.js';
import { TunnelSessions } from './tunnels/tunnel-sessions.js';
import { TunnelWsAdapter } from './tunnels/tunnel-ws-adapter.js';
import { serveSupervisor } from './workers/worker.js';

/** Added to the time that exchanges have when an edge stops: for closing what is left, on a busy machine. */
export const EXTRA_STOP_MS = 5000;

/**
 * Starts an edge in this process.
 * @param worker its number if a supervisor started it, which then serves probes and scrapes; null without one
 */
export async function runEdge(settings: Settings, log: Logger, worker: number | null): Promise<void> {
  const { databaseUrl, dataDir, databasePoolSize: poolSize, listen } = settings;
  const store = await createStore({ databaseUrl, dataDir, poolSize });
  const bus = createEventBus({
    redisUrl: settings.redisUrl,
    onError: (error) => log.error({ err: error }, 'event bus'),
  });

  @Module({
    imports: [...serverModules({ settings, log, store, bus }), EdgeModule.register()],
  })
  class EdgeAppModule {}

  const app = await NestFactory.create<NestExpressApplication>(EdgeAppModule, { logger: new NestLog(log) });
  const tunnels = app.get(TunnelSessions);
  app.useWebSocketAdapter(new TunnelWsAdapter(app, app.get(TunnelAuthenticator), () => tunnels.hasRoom));
  await app.init();
  const admin =
    worker === null ? await startAdminServer(app, { port: listen.adminPort ?? 0, host: listen.host }) : null;
  const edge = app.get(Edge);
  const listener = await PublicListener.open(settings, log);
  const redirect = await openHttpRedirect(settings);
  restoreFastStrings();
  edge.serve(listener);
  // For workers, the supervisor says so once all of them serve.
  if (admin !== null) log.info({ port: listener.port, adminPort: admin.port }, 'serving');

  const stop = stopOnSignal({
    stop: async () => {
      app.get(Readiness).markStopping();
      await edge.stop(() => redirect?.close());
      await app.close();
      await admin?.close();
    },
    graceMs: settings.lameDuckMs + settings.shutdownGraceMs + EXTRA_STOP_MS,
    log,
  });
  if (worker === null) return;
  const metrics = app.get<Registry>(METRICS);
  metrics.setDefaultLabels({ worker });
  const parts = { readiness: app.get(Readiness), metrics, places: edge.places };
  serveSupervisor({ ...parts, stop }, listener.port);
}
