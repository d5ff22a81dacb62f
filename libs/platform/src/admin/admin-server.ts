import type { AddressInfo } from 'node:net';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AdminModule } from './admin.module.js';
import { METRICS } from './metrics.js';
import { Readiness } from './readiness.js';

export interface AdminServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves the health and metrics of `app` on a port of their own, which need not be open to the public. To be
 * closed after `app`, so that it reports the shutdown to the end.
 */
export async function startAdminServer(
  app: INestApplicationContext,
  address: { readonly port: number; readonly host?: string | undefined },
): Promise<AdminServer> {
  const shown = { readiness: app.get(Readiness), metrics: app.get(METRICS) };
  const admin = await NestFactory.create<NestExpressApplication>(AdminModule.showing(shown), {
    logger: false,
  });
  admin.disable('x-powered-by');
  await (address.host === undefined ? admin.listen(address.port) : admin.listen(address.port, address.host));
  const { port } = admin.getHttpServer().address() as AddressInfo;
  return { port, close: () => admin.close() };
}
