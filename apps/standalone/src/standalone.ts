import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { ApiModule, type BootstrapResult, bootstrap, configureApi } from '@culvert/api';
import { createEventBus } from '@culvert/events';
import {
  Edge,
  EdgeModule,
  openHttpRedirect,
  PublicListener,
  registerListenerMetrics,
  TunnelAuthenticator,
  TunnelSessions,
  TunnelWsAdapter,
  VERSION,
} from '@culvert/edge';
import { Metrics } from '@culvert/metrics';
import {
  AdminModule,
  MetricsModule,
  registerServerMetrics,
  serverModules,
  NestLog,
  startAdminServer,
} from '@culvert/nest';
import {
  appUrl,
  createLog,
  loadSettings,
  prepareDataPlane,
  Readiness,
  type Settings,
} from '@culvert/runtime';
import { createStore } from '@culvert/store';
import type { Logger } from 'pino';
import { encryptionKeysOf } from './encryption-key.js';

/** A whole deployment in this process: edge and API on one port, with the embedded database unless configured otherwise. */
export interface Standalone {
  readonly settings: Settings;
  readonly log: Logger;
  /** URL that people open. */
  readonly url: string;
  /** What the first start created; null if the database was not empty. */
  readonly created: BootstrapResult | null;
  /** Finishes work in progress, then closes everything. */
  stop(): Promise<void>;
}

/**
 * Starts everything; resolves when it serves.
 * @throws ConfigurationError if the environment is wrong
 */
export async function startStandalone(
  env: Readonly<Record<string, string | undefined>>,
): Promise<Standalone> {
  const wanted = loadSettings('standalone', env);
  const log = createLog({ level: wanted.logLevel, app: 'standalone' });
  // The port is opened first: with PORT=0 it is known only then, and it is part of every URL.
  const listener = await PublicListener.open(wanted, log);
  const configured = loadSettings('standalone', { ...env, PORT: String(listener.port) });
  const { databaseUrl, dataDir, databasePoolSize: poolSize } = configured;
  const store = await createStore({ databaseUrl, dataDir, poolSize });
  const settings = { ...configured, encryptionKeys: await encryptionKeysOf(configured) };
  const bus = createEventBus({
    redisUrl: settings.redisUrl,
    onError: (error) => log.error({ err: error }, 'event bus'),
  });

  @Module({
    imports: [
      ...serverModules({ settings, version: VERSION, log, store, bus }),
      ApiModule.register(),
      EdgeModule.register(),
      ...modulesOnPort(settings),
    ],
  })
  class StandaloneModule {}

  const app = await NestFactory.create<NestExpressApplication>(StandaloneModule, {
    logger: new NestLog(log),
    bodyParser: false,
  });
  configureApi(app);
  app.useWebSocketAdapter(new TunnelWsAdapter(app, app.get(TunnelAuthenticator), app.get(TunnelSessions)));
  const created = await bootstrap(store, settings);
  await app.init();
  const metrics = app.get(Metrics);
  registerListenerMetrics(metrics, listener, app.get(Edge).fleet);
  registerServerMetrics(metrics, { database: store.measures, bus });
  const admin = await startAdminServer(app, settings.listen);
  const redirect = await openHttpRedirect(settings);
  const edge = app.get(Edge);
  prepareDataPlane();
  edge.serve(listener);
  const { port: adminPort, metricsPort } = admin;
  log.info({ port: listener.port, adminPort, metricsPort, url: appUrl(settings) }, 'serving');

  return {
    settings,
    log,
    url: appUrl(settings),
    created,
    stop: async () => {
      const readiness = app.get(Readiness);
      readiness.markStopping();
      redirect?.close();
      await edge.stop(() => readiness.markClosing());
      await app.close();
      await admin.close();
    },
  };
}

/** Returns what is served on the public port for those who run the deployment: what has no port of its own. */
function modulesOnPort({ listen: { adminPort, metrics } }: Settings) {
  if (adminPort !== null) return [];
  return metrics === null ? [AdminModule, MetricsModule] : [AdminModule];
}
