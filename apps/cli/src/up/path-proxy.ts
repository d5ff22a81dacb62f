/** Serves several services behind one URL: each request goes to the service of its path. The relay does the work. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { showTarget, type Target, wantedPreview } from '@culvert/client';
import { describeFailure, type IngressFailure } from '@culvert/outbound';
import {
  EdgeBefore,
  MEMORY_LIMITS,
  OPEN_GATE,
  Relay,
  Route,
  serviceAddress,
  SocketDialer,
  StreamPools,
} from '@culvert/relay';
import type { Preview } from '../api.js';
import type { PathPlan } from './file/read-file.js';
import type { EndpointContent } from './file/schema.js';
import { PathTable } from './path-table.js';

/** What the paths of an endpoint depend on. */
export interface PathSettings {
  readonly preview: Pick<Preview, 'url' | 'hostname' | 'id' | 'interceptId'>;
  readonly paths: readonly PathPlan[];
  readonly content: Pick<EndpointContent, 'hostHeader' | 'rewriteOrigin' | 'allowUpgrades'>;
}

export interface PathProxyOptions {
  /** A service could not be reached. */
  readonly onFailure: (path: PathPlan, failure: IngressFailure) => void;
  readonly onFault: (error: unknown) => void;
}

export class PathProxy {
  private readonly server: Server;
  private readonly relay: Relay;
  private readonly pools = new StreamPools();
  private table = new PathTable<Route>([]);
  private routes: readonly Route[] = [];
  private hostname = '';

  constructor(private readonly options: PathProxyOptions) {
    this.relay = new Relay({
      // Pages of other sites may send requests to a port of this machine, but not with this name.
      routes: {
        find: (hostname, request) => (hostname === this.hostname ? this.table.find(request.target) : null),
      },
      gate: OPEN_GATE,
      limits: MEMORY_LIMITS,
      // The tunnel ends in this process: its streams arrive from loopback, with fields that the edge wrote.
      trustedProxies: new EdgeBefore(['127.0.0.1', '::1']),
      pools: this.pools,
      onFault: options.onFault,
    });
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.relay.accept(socket, { isSecure: false }),
    );
  }

  /** Resolves with where it listens: a free port of this machine. */
  async listen(): Promise<Target> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return { host: '127.0.0.1', port: (this.server.address() as AddressInfo).port, isTls: false };
  }

  /** Sets where requests go from now on. Requests in progress continue. */
  configure({ preview, paths, content }: PathSettings): void {
    const before = this.routes;
    const entries = paths.map((path) => [path.path, this.routeOf(path, preview, content)] as const);
    this.table = new PathTable(entries);
    this.hostname = preview.hostname;
    this.routes = entries.map(([, route]) => route);
    for (const { pool } of before) pool.close();
    // The counts are not read: this keeps the relay from collecting them.
    this.relay.drainTraffic();
  }

  /** Lets requests in progress finish within `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.server.close();
    await this.relay.drain(graceMs);
    this.relay.close();
    for (const { pool } of this.routes) pool.close();
  }

  private routeOf(
    path: PathPlan,
    { id, url, hostname, interceptId }: PathSettings['preview'],
    { hostHeader, rewriteOrigin, allowUpgrades }: PathSettings['content'],
  ): Route {
    const { target, stripPrefix } = path;
    // The same address as if the service had a preview of its own.
    const { ingress } = wantedPreview(target, { access: 'team', banner: false, hostHeader, rewriteOrigin });
    const { host, port, l5Host = host, addressedAs = 'l5host' } = ingress;
    const address = serviceAddress(url, { host, port, l5Host, addressedAs, useTls: target.isTls });
    const prefixLine = stripPrefix ? `X-Forwarded-Prefix: ${path.path}\r\n` : '';
    return Route.forPreview(
      {
        id: `${id}${path.path}`,
        teamId: '',
        hostname,
        interceptId,
        ingress: showTarget(target),
        l5Host: address.host,
        addressLines: address.lines + prefixLine,
        translator: address.translator,
        addRequestHeaders: {},
        access: 'public',
        allowUpgrades,
        expiresAt: Infinity,
        ...(stripPrefix && { stripPrefix: path.path }),
      },
      this.pools.open(new SocketDialer(() => this.dial(path))),
    );
  }

  private dial(path: PathPlan): Socket {
    const { host, port, isTls } = path.target;
    const socket = isTls
      ? connectTls({
          host,
          port,
          servername: host,
          rejectUnauthorized: path.verifyTls,
          ALPNProtocols: ['http/1.1'],
        })
      : connect({ host, port, allowHalfOpen: true, noDelay: true });
    let isConnected = false;
    socket.once(isTls ? 'secureConnect' : 'connect', () => (isConnected = true));
    socket.on('error', (error) => {
      if (!isConnected)
        this.options.onFailure(path, describeFailure(error, isTls ? 'handshaking' : 'connecting'));
    });
    return socket;
  }
}
