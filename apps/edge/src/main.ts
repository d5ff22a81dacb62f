import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { createEventBus } from '@culvert/events';
import { serverModules, NestLog, startAdminServer } from '@culvert/nest';
import {
  createLog,
  exitOnConfigurationError,
  failToStart,
  loadSettings,
  Readiness,
  restoreFastStrings,
  stopOnSignal,
} from '@culvert/runtime';
import { createStore } from '@culvert/store';
import { Edge } from './edge.js';
import { EdgeModule } from './edge.module.js';
import { PublicListener } from './listener/public-listener.js';
import { TunnelAuthenticator } from './tunnels/tunnel-authenticator.js';
import { TunnelSessions } from './tunnels/tunnel-sessions.js';
import { TunnelWsAdapter } from './tunnels/tunnel-ws-adapter.js';

const settings = exitOnConfigurationError(() => loadSettings('edge', process.env));
const log = createLog({ level: settings.logLevel, app: 'edge' });

async function main(): Promise<void> {
  const { databaseUrl, dataDir, databasePoolSize: poolSize } = settings;
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
  const admin = await startAdminServer(app, { port: settings.listen.adminPort!, host: settings.listen.host });
  const edge = app.get(Edge);
  const listener = await PublicListener.open(settings, log);
  restoreFastStrings();
  edge.serve(listener);
  log.info({ port: listener.port, adminPort: admin.port }, 'serving');

  stopOnSignal({
    stop: async () => {
      app.get(Readiness).markStopping();
      await edge.stop();
      await app.close();
      await admin.close();
    },
    graceMs: settings.lameDuckMs + settings.shutdownGraceMs + 5000,
    log,
  });
}

main().catch((error: unknown) => failToStart(error, { log }));
