import type { Server } from 'node:http';
import type { MetricsPort } from '../settings/metrics-settings.js';
import { type AdminPages, probePages, startAdmin } from './admin-server.js';

/** Where a program that runs in a cluster shows its health and metrics. */
export interface ProgramPorts {
  /** Port of `/healthz` and `/readyz`; null: none. */
  readonly adminPort: number | null;
  /** Where `/metrics` has a port of its own; null: with `/healthz`. */
  readonly metrics: MetricsPort | null;
}

/**
 * Starts to listen on the ports. Returns the servers, which the caller closes.
 * @param onError receives the failure of a port, with the variable that names it
 */
export function startProgramPorts(
  { adminPort, metrics }: ProgramPorts,
  pages: { readonly isReady: () => boolean; readonly metrics: AdminPages },
  onError: (error: unknown, variable: 'CULVERT_ADMIN_PORT' | 'METRICS_PORT', port: number) => void,
): readonly Server[] {
  const servers: Server[] = [];
  if (adminPort !== null) {
    const shared = metrics === null ? pages.metrics : {};
    const server = startAdmin({ port: adminPort }, { ...probePages(pages.isReady), ...shared });
    server.once('error', (error) => onError(error, 'CULVERT_ADMIN_PORT', adminPort));
    servers.push(server);
  }
  if (metrics !== null) {
    const server = startAdmin(metrics, pages.metrics);
    server.once('error', (error) => onError(error, 'METRICS_PORT', metrics.port));
    servers.push(server);
  }
  return servers;
}
