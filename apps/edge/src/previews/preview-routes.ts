import { createHash } from 'node:crypto';
import type { Banners } from '@culvert/banner';
import type { PreviewRoute, Store } from '@culvert/domain';
import {
  bracketed,
  Http2Dialer,
  Route,
  serviceAddress,
  type StreamPools,
  type TunnelRegistry,
} from '@culvert/relay';
import { previewUrl, type Settings } from '@culvert/runtime';

/** Creates routes for the previews in the store. */
export class PreviewRoutes {
  constructor(
    private readonly store: Store,
    private readonly tunnels: TunnelRegistry,
    private readonly pools: StreamPools,
    private readonly banners: Banners,
    private readonly settings: Settings,
    private readonly onFault: (error: unknown) => void,
    /** Is called with each preview that is looked up. */
    private readonly onFound: (preview: PreviewRoute) => void = () => {},
  ) {}

  /** Returns the route of a lower-case hostname, or null if no preview has it. */
  async resolve(hostname: string): Promise<Route | null> {
    const preview = await this.store.previews.findRoute(hostname);
    if (preview === null) return null;
    this.onFound(preview);
    return this.routeOf(preview);
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
    const address = serviceAddress(previewUrl(this.settings, preview.hostname), ingress);
    const scheme = ingress.useTls ? 'https' : 'http';
    return Route.forPreview(
      {
        id: preview.id,
        teamId: preview.teamId,
        hostname: preview.hostname,
        interceptId: preview.interceptId,
        // 0: a Telepresence traffic manager has not reported the port yet.
        ingress: bracketed(ingress.host) + (ingress.port === 0 ? '' : `:${ingress.port}`),
        l5Host: address.host,
        addressLines: address.lines,
        translator: address.translator,
        addRequestHeaders: preview.addRequestHeaders,
        access: preview.access,
        bodyFilter:
          preview.banner &&
          this.banners.filterFor({ ...preview.banner, scheme: this.settings.public.scheme }),
        allowUpgrades: preview.allowUpgrades,
        expiresAt: preview.expiresAt?.getTime() ?? Infinity,
        // Hash of everything that the route depends on, in a fixed length.
        revision: createHash('sha256').update(JSON.stringify(preview)).digest('base64'),
      },
      this.pools.open(
        ingress.protocol === 'http1' ? dialer : new Http2Dialer(dialer, { scheme, onFault: this.onFault }),
      ),
    );
  }
}
