import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { Banners } from '@culvert/banner';
import type { PreviewRoute, Store } from '@culvert/domain';
import { Http2Dialer, Route, type StreamPools, type TunnelRegistry } from '@culvert/relay';

/** Makes routes of the previews in the store. */
export class PreviewRoutes {
  constructor(
    private readonly store: Store,
    private readonly tunnels: TunnelRegistry,
    private readonly pools: StreamPools,
    private readonly banners: Banners,
    private readonly scheme: 'http' | 'https',
  ) {}

  /** The route of a lower-case hostname, or null when no preview has it. */
  async resolve(hostname: string): Promise<Route | null> {
    const preview = await this.store.previews.findRoute(hostname);
    return preview === null ? null : this.routeOf(preview);
  }

  private routeOf(preview: PreviewRoute): Route {
    const { ingress } = preview;
    const dialer = this.tunnels.dialer(preview.trafficManagerId, {
      interceptId: preview.interceptId,
      host: ingress.host,
      port: ingress.port,
      tls: ingress.useTls,
      serverName: ingress.l5Host,
      verifyTls: ingress.verifyTls,
      ...(ingress.protocol === 'h2' && { alpn: 'h2' }),
    });
    const scheme = ingress.useTls ? 'https' : 'http';
    return Route.forPreview(
      {
        id: preview.id,
        teamId: preview.teamId,
        hostname: preview.hostname,
        interceptId: preview.interceptId,
        // 0: a Telepresence traffic manager has not told it yet.
        ingress: bracketed(ingress.host) + (ingress.port === 0 ? '' : `:${ingress.port}`),
        l5Host: bracketed(ingress.l5Host),
        addRequestHeaders: preview.addRequestHeaders,
        access: preview.access,
        bodyFilter: preview.banner && this.banners.filterFor({ ...preview.banner, scheme: this.scheme }),
        allowUpgrades: preview.allowUpgrades,
        expiresAt: preview.expiresAt?.getTime() ?? Infinity,
        // All that a route is made of, however long its headers are.
        revision: createHash('sha256').update(JSON.stringify(preview)).digest('base64'),
      },
      this.pools.open(ingress.protocol === 'http1' ? dialer : new Http2Dialer(dialer, { scheme })),
    );
  }
}

/** An IPv6 address as it stands in `Host` and before a port (RFC 3986 §3.2.2). */
function bracketed(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}
