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
  TunnelAuthenticator,
  TunnelSessions,
  TunnelWsAdapter,
} from '@culvert/edge';
import { AdminModule, serverModules, NestLog, startAdminServer } from '@culvert/nest';
import {
  appUrl,
  createLog,
  loadSettings,
  Readiness,
  restoreFastStrings,
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
      ...serverModules({ settings, log, store, bus }),
      ApiModule.register(),
      EdgeModule.register(),
      ...(settings.listen.adminPort === null ? [AdminModule] : []),
    ],
  })
  class StandaloneModule {}

  const app = await NestFactory.create<NestExpressApplication>(StandaloneModule, {
    logger: new NestLog(log),
    bodyParser: false,
  });
  configureApi(app);
  const tunnels = app.get(TunnelSessions);
  app.useWebSocketAdapter(new TunnelWsAdapter(app, app.get(TunnelAuthenticator), () => tunnels.hasRoom));
  const created = await bootstrap(store, settings);
  await app.init();
  const admin =
    settings.listen.adminPort === null
      ? null
      : await startAdminServer(app, { port: settings.listen.adminPort, host: settings.listen.host });
  const redirect = await openHttpRedirect(settings);
  const edge = app.get(Edge);
  restoreFastStrings();
  edge.serve(listener);
  log.info({ port: listener.port, url: appUrl(settings) }, 'serving');

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
      await admin?.close();
    },
  };
}
