import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { INestApplication, INestApplicationContext } from '@nestjs/common';
import { Metrics, METRICS_TYPE } from '@culvert/metrics';
import { type AdminPages, listenError, Readiness, type Settings, startAdmin } from '@culvert/runtime';

/** The ports of probes and metrics. */
export interface AdminServer {
  /** Port of `/healthz` and `/readyz`; null: on the public port. */
  readonly port: number | null;
  /** Port of `/metrics` where it has one of its own; null: with `/healthz`. */
  readonly metricsPort: number | null;
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
 * Serves the health and metrics of `app` on ports of their own, as the settings say. Close it after `app`, so that it
 * reports the shutdown to the end. @throws StartError if a port is in use, or may not be opened
 */
export async function startAdminServer(
  app: INestApplicationContext,
  listen: Pick<Settings['listen'], 'adminPort' | 'host' | 'metrics'>,
): Promise<AdminServer> {
  const readiness = app.get(Readiness);
  const metrics = app.get(Metrics);
  return openAdminPorts(listen, {
    readiness: async () => {
      const report = await readiness.report();
      return { isReady: report.ready, report };
    },
    metrics: () => metrics.page(),
  });
}

/** Pages of the ports for probes and metrics. */
export interface AdminContent {
  readonly readiness: () => Promise<{ readonly isReady: boolean; readonly report: object }>;
  /** Returns the metrics in the text format of Prometheus. */
  readonly metrics: () => Promise<string>;
}

/**
 * Opens `ADMIN_PORT` and `METRICS_PORT`, as far as the settings have them. Without a port of their own, metrics are on the
 * first. @throws StartError if a port is in use, or may not be opened
 */
export async function openAdminPorts(
  { adminPort, host, metrics }: Pick<Settings['listen'], 'adminPort' | 'host' | 'metrics'>,
  content: AdminContent,
): Promise<AdminServer> {
  const metricsPages: AdminPages = {
    '/metrics': async () => ({ status: 200, contentType: METRICS_TYPE, body: await content.metrics() }),
  };
  const probes: AdminPages = {
    '/healthz': () => json(200, { status: 'ok' }),
    '/readyz': async () => {
      const { isReady, report } = await content.readiness();
      return json(isReady ? 200 : 503, report);
    },
  };
  const servers: Server[] = [];
  const open = async (
    address: { readonly port: number; readonly host?: string | undefined },
    variable: string,
    pages: AdminPages,
  ): Promise<number> => {
    const server = startAdmin(address, pages);
    try {
      await once(server, 'listening');
    } catch (error) {
      for (const opened of servers) opened.close();
      throw listenError(error, variable, address.port);
    }
    servers.push(server);
    return (server.address() as AddressInfo).port;
  };
  const pages = metrics === null ? { ...probes, ...metricsPages } : probes;
  return {
    port: adminPort === null ? null : await open({ port: adminPort, host }, 'ADMIN_PORT', pages),
    metricsPort: metrics === null ? null : await open(metrics, 'METRICS_PORT', metricsPages),
    close: async () => {
      await Promise.all(
        servers.map(async (server) => {
          server.close();
          server.closeAllConnections();
          await once(server, 'close');
        }),
      );
    },
  };
}

function json(status: number, body: object) {
  return { status, contentType: 'application/json; charset=utf-8', body: JSON.stringify(body) };
}
