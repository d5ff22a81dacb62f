import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { NestLog, serverModules, type ServerParts } from '@culvert/nest';
import { ApiModule, type ApiOptions } from './api.module.js';
import { configureApi } from './http/configure-api.js';

export { VERSION } from './http/docs/version.js';

/** Creates the API as an application of its own, ready to listen. It owns `store` and `bus` from here on. */
export async function createApiApp(
  parts: ServerParts,
  options: ApiOptions = {},
): Promise<NestExpressApplication> {
  @Module({
    imports: [...serverModules(parts), ApiModule.register(options)],
  })
  class ApiAppModule {}

  const app = await NestFactory.create<NestExpressApplication>(ApiAppModule, {
    logger: new NestLog(parts.log),
    bodyParser: false,
    // Otherwise Nest would end the process itself, without an error for the caller.
    abortOnError: false,
  });
  configureApi(app);
  await app.init();
  return app;
}
