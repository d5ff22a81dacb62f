import type { AddressInfo } from 'node:net';
import type { INestApplication, INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AdminModule } from './admin.module.js';
import { METRICS } from './metrics.js';
import { listenError } from '../start-error.js';
import { Readiness } from './readiness.js';

export interface AdminServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Has `app` listen. @throws StartError when the port is taken, or may not be opened */
export async function openPort(
  app: INestApplication,
  variable: 'PORT' | 'ADMIN_PORT',
  { port, host }: { readonly port: number; readonly host?: string | undefined },
): Promise<void> {
  try {
    await (host === undefined ? app.listen(port) : app.listen(port, host));
  } catch (error) {
    throw listenError(error, variable, port);
  }
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
  await openPort(admin, 'ADMIN_PORT', address);
  const { port } = admin.getHttpServer().address() as AddressInfo;
  return { port, close: () => admin.close() };
}
