/** A relay between real sockets for specs: a visitor's port, one preview, and a real service behind it. */
import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import type { StreamHandler } from '@culvert/tunnel';
import { RelayClock } from '../clock.js';
import { DEFAULT_RELAY_LIMITS, type RelayLimits } from '../limits.js';
import { Relay } from '../relay.js';
import { type AccessGate, ALLOW } from '../routing/access-gate.js';
import type { ServiceAddress } from '../routing/addresses.js';
import { Route } from '../routing/route.js';
import { Router } from '../routing/router.js';
import { SocketDialer } from '../upstream/socket-stream.js';
import type { Dialed, Dialer } from '../upstream/stream-pool.js';
import { StreamPools } from '../upstream/stream-pools.js';

export interface Rig {
  readonly port: number;
  /** As `port`, for connections that agreed on HTTP/2. */
  readonly http2Port: number;
  readonly relay: Relay;
  readonly route: Route;
  /** Lets everything in, until a spec sets another `check`. */
  readonly gate: { check: AccessGate['check'] };
  /** Returns the faults of the relay from now on, which are thrown otherwise. */
  collectFaults(): unknown[];
  fetch(target: string, options?: FetchOptions): Promise<FetchResult>;
  /** As if the traffic manager left and came back. */
  disconnect(): void;
  reconnect(): void;
  whenWaiting(): Promise<void>;
  /** Resolves once the service has seen so many requests. */
  whenServing(requests: number): Promise<void>;
  whenServiceSeesAbort(): Promise<void>;
  /** Resolves once the relay holds so many connections of visitors. */
  whenConnectionsAre(count: number): Promise<void>;
  removeRoute(): void;
  stopService(): Promise<void>;
  stop(): Promise<void>;
}

interface FetchOptions {
  readonly method?: string;
  readonly host?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

interface FetchResult {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface RigOptions {
  /** Serves raw sockets, instead of Node's HTTP server. */
  readonly serve?: (socket: net.Socket) => void;
  /** Changes Node's HTTP server before it listens. */
  readonly configure?: (server: http.Server) => void;
  /** Limits of the relay that differ from its defaults. */
  readonly limits?: Partial<RelayLimits>;
  /** Changes how the route's streams are opened. */
  readonly wrapDialer?: (dialer: Dialer) => Dialer;
  /** Whether requests get ids. */
  readonly hasRequestIds?: boolean;
  /** Whether the preview allows protocols other than WebSocket. */
  readonly allowUpgrades?: boolean;
  /** Returns how the service at this port is addressed; absent: as `web.internal`. */
  readonly addressOf?: (servicePort: number) => ServiceAddress;
}

/** @param handle answers requests with Node's HTTP server; null for a service of raw sockets */
export async function startRig(handle: http.RequestListener | null, options: RigOptions = {}): Promise<Rig> {
  const {
    serve,
    configure,
    limits,
    wrapDialer = (dialer: Dialer) => dialer,
    allowUpgrades = false,
    hasRequestIds = false,
    addressOf,
  } = options;
  const events = new EventEmitter();
  let served = 0;
  const service = serve
    ? net.createServer({ allowHalfOpen: true }, (socket) => {
        socket.on('error', () => {});
        serve(socket);
      })
    : http.createServer();
  const serviceSockets = new Set<net.Socket>();
  service.on('connection', (socket: net.Socket) => {
    serviceSockets.add(socket);
    socket.on('close', () => {
      serviceSockets.delete(socket);
      events.emit('abort');
    });
  });
  if (handle) {
    service.on('request', (request: http.IncomingMessage, response: http.ServerResponse) => {
      served++;
      events.emit('request');
      handle(request, response);
    });
  }
  configure?.(service as http.Server);
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  const servicePort = (service.address() as net.AddressInfo).port;

  let isConnected = true;
  const arrivals = new Set<() => void>();
  const sockets = new SocketDialer(() =>
    net.connect({ port: servicePort, host: '127.0.0.1', noDelay: true }),
  );
  const dialer: Dialer = {
    dial: (handler: StreamHandler): Dialed | 'absent' => (isConnected ? sockets.dial(handler) : 'absent'),
    isPreferred: () => isConnected,
    onArrival: (callback) => {
      arrivals.add(callback);
      events.emit('waiting');
      return () => arrivals.delete(callback);
    },
  };

  const pools = new StreamPools();
  const address = addressOf?.(servicePort);
  const route = Route.forPreview(
    {
      id: 'p1',
      teamId: 't1',
      hostname: 'demo.preview.test',
      interceptId: 'id:demo',
      ingress: 'web.internal:80',
      l5Host: address?.host ?? 'web.internal',
      addressLines: address?.lines,
      translator: address?.translator,
      addRequestHeaders: { 'X-Dev': 'route' },
      access: 'public',
      allowUpgrades,
      expiresAt: Infinity,
    },
    pools.open(wrapDialer(dialer)),
  );
  let isRemoved = false;
  const clock = new RelayClock();
  let faults: unknown[] | null = null;
  const gate: Rig['gate'] = { check: () => ALLOW };
  const relay = new Relay({
    hasRequestIds,
    clock,
    routes: new Router(async (hostname) => (hostname === route.hostname && !isRemoved ? route : null), clock),
    gate,
    limits: { ...DEFAULT_RELAY_LIMITS, ...limits },
    pools,
    onFault: (error) => {
      if (faults === null) throw error;
      faults.push(error);
    },
  });
  const listener = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
    relay.accept(socket, { isSecure: false }),
  );
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as net.AddressInfo;
  const http2Listener = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
    relay.accept(socket, { isSecure: false, protocol: 'h2' }),
  );
  http2Listener.listen(0, '127.0.0.1');
  await once(http2Listener, 'listening');
  const http2Port = (http2Listener.address() as net.AddressInfo).port;
  const agent = new http.Agent({ keepAlive: true });

  const stopService = async (): Promise<void> => {
    for (const socket of serviceSockets) socket.destroy();
    if (service.listening) await new Promise<void>((resolve) => service.close(() => resolve()));
  };

  return {
    port,
    http2Port,
    relay,
    route,
    gate,
    collectFaults: () => (faults = []),
    fetch: (target, wanted = {}) =>
      new Promise((resolve, reject) => {
        const request = http.request(
          {
            port,
            host: '127.0.0.1',
            agent,
            path: target,
            method: wanted.method ?? 'GET',
            headers: { host: wanted.host ?? 'demo.preview.test', ...wanted.headers },
          },
          (response) => {
            let body = '';
            response.setEncoding('latin1');
            response.on('data', (chunk: string) => (body += chunk));
            response.on('end', () =>
              resolve({ status: response.statusCode!, headers: response.headers, body }),
            );
            response.on('error', reject);
          },
        );
        request.on('error', reject);
        request.end(wanted.body);
      }),
    disconnect: () => void (isConnected = false),
    reconnect: () => {
      isConnected = true;
      for (const callback of arrivals) {
        arrivals.delete(callback);
        callback();
      }
    },
    whenWaiting: async () => {
      if (arrivals.size === 0) await once(events, 'waiting');
    },
    whenServing: async (requests) => {
      while (served < requests) await once(events, 'request');
    },
    whenServiceSeesAbort: async () => void (await once(events, 'abort')),
    whenConnectionsAre: async (count) => {
      while (relay.connectionCount !== count) await new Promise((resolve) => setTimeout(resolve, 10));
    },
    removeRoute: () => void (isRemoved = true),
    stopService,
    stop: async () => {
      agent.destroy();
      relay.close();
      for (const each of [listener, http2Listener]) {
        if (each.listening) await new Promise<void>((resolve) => each.close(() => resolve()));
      }
      await stopService();
    },
  };
}
