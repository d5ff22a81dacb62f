import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { INestApplication, INestApplicationContext } from '@nestjs/common';
import { listenError, Readiness, startAdmin } from '@culvert/runtime';
import type { Registry } from 'prom-client';
import { METRICS, METRICS_TYPE } from './metrics.js';

export interface AdminServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Makes `app` listen on PORT. @throws StartError if the port is in use, or may not be opened */
export async function openPort(
  app: INestApplication,
  { port, host }: { readonly port: number; readonly host?: string | undefined },
): Promise<void> {
  try {
    await (host === undefined ? app.listen(port) : app.listen(port, host));
  } catch (error) {
    throw listenError(error, 'PORT', port);
  }
}

/**
 * Serves the health and metrics of `app` on a separate port. Close it after `app`, so that it reports the shutdown to
 * the end. @throws StartError if the port is in use, or may not be opened
 */
export async function startAdminServer(
  app: INestApplicationContext,
  address: { readonly port: number; readonly host?: string | undefined },
): Promise<AdminServer> {
  const readiness = app.get(Readiness);
  const metrics = app.get<Registry>(METRICS);
  const server = startAdmin(address, {
    '/healthz': () => json(200, { status: 'ok' }),
    '/readyz': async () => {
      const report = await readiness.report();
      return json(report.ready ? 200 : 503, report);
    },
    '/metrics': async () => ({ status: 200, contentType: METRICS_TYPE, body: await metrics.metrics() }),
  });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw listenError(error, 'ADMIN_PORT', address.port);
  }
  const { port } = server.address() as AddressInfo;
  return {
    port,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function json(status: number, body: object) {
  return { status, contentType: 'application/json; charset=utf-8', body: JSON.stringify(body) };
}
