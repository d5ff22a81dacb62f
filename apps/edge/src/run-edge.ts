import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { createEventBus } from '@culvert/events';
import { Metrics } from '@culvert/metrics';
import { registerServerMetrics, serverModules, NestLog, startAdminServer } from '@culvert/nest';
import { prepareDataPlane, Readiness, type Settings, stopOnSignal } from '@culvert/runtime';
import { createStore } from '@culvert/store';
import type { Logger } from 'pino';
import { Edge } from './edge.js';
import { registerListenerMetrics } from './edge.metrics.js';
import { EdgeModule } from './edge.module.js';
import { openHttpRedirect } from './listener/http-redirect.js';
import { PublicListener } from './listener/public-listener.js';
import { TunnelAuthenticator } from './tunnels/tunnel-authenticator.js';
import { TunnelSessions } from './tunnels/tunnel-sessions.js';
import { TunnelWsAdapter } from './tunnels/tunnel-ws-adapter.js';
import { VERSION } from './version.js';
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
    imports: [...serverModules({ settings, version: VERSION, log, store, bus }), EdgeModule.register()],
  })
  class EdgeAppModule {}

  const app = await NestFactory.create<NestExpressApplication>(EdgeAppModule, { logger: new NestLog(log) });
  app.useWebSocketAdapter(new TunnelWsAdapter(app, app.get(TunnelAuthenticator), app.get(TunnelSessions)));
  await app.init();
  const admin = worker === null ? await startAdminServer(app, listen) : null;
  const edge = app.get(Edge);
  const listener = await PublicListener.open(settings, log);
  const redirect = await openHttpRedirect(settings);
  const metrics = app.get(Metrics);
  registerListenerMetrics(metrics, listener, app.get(Edge).fleet);
  registerServerMetrics(metrics, { database: store.measures, bus });
  prepareDataPlane();
  edge.serve(listener);
  // For workers, the supervisor says so once all of them serve.
  if (admin !== null) {
    const { port: adminPort, metricsPort } = admin;
    log.info({ port: listener.port, adminPort, metricsPort }, 'serving');
  }

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
  metrics.registry.setDefaultLabels({ worker });
  const parts = { readiness: app.get(Readiness), metrics, places: edge.places };
  serveSupervisor({ ...parts, stop }, listener.port);
}
