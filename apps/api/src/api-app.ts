import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { EventBus } from '@culvert/cluster';
import type { Store } from '@culvert/domain';
import {
  ClusterModule,
  LoggerModule,
  NestLog,
  ObservabilityModule,
  SettingsModule,
  StoreModule,
  type Settings,
} from '@culvert/platform';
import type { Logger } from 'pino';
import { ApiModule } from './api.module.js';
import { configureApi } from './configure-api.js';

/** The API as an application of its own, ready to listen. Owns `store` and `bus` from here on. */
export async function createApiApp(parts: {
  readonly settings: Settings;
  readonly log: Logger;
  readonly store: Store;
  readonly bus: EventBus;
}): Promise<NestExpressApplication> {
  const { settings, log, store, bus } = parts;

  @Module({
    imports: [
      SettingsModule.register(settings),
      LoggerModule.register(log),
      StoreModule.register(store),
      ClusterModule.register(bus),
      ObservabilityModule.register(),
      ApiModule.register(),
    ],
  })
  class ApiAppModule {}

  const app = await NestFactory.create<NestExpressApplication>(ApiAppModule, {
    logger: new NestLog(log),
    bodyParser: false,
  });
  configureApi(app);
  await app.init();
  return app;
}
