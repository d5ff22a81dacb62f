/**
 * The data plane of an edge in this process, without tunnel and store. Every hostname is a public preview of the same
 * port, with streams of its own: what a case sends too late must not be read by another.
 */
import { once } from 'node:events';
import net from 'node:net';
import {
  DEFAULT_RELAY_LIMITS,
  OPEN_GATE,
  Relay,
  RelayClock,
  Route,
  Router,
  SocketDialer,
  StreamPools,
} from '@culvert/relay';

export interface RelayEdge {
  readonly port: number;
  /** Port for connections that agreed on HTTP/2. */
  readonly http2Port: number;
  /** Faults inside the relay, which should never occur. */
  readonly faults: readonly unknown[];
  stop(): Promise<void>;
}

export async function startRelayEdge(servicePort: number): Promise<RelayEdge> {
  const faults: unknown[] = [];
  const pools = new StreamPools();
  const dialer = new SocketDialer(() => net.connect({ port: servicePort, host: '127.0.0.1', noDelay: true }));
  const routeOf = (hostname: string): Route =>
    Route.forPreview(
      {
        id: hostname,
        teamId: 'team',
        hostname,
        interceptId: 'case',
        ingress: 'service:80',
        l5Host: 'service',
        addRequestHeaders: {},
        access: 'public',
        expiresAt: Infinity,
      },
      pools.open(dialer),
    );
  const clock = new RelayClock();
  const relay = new Relay({
    clock,
    routes: new Router(async (hostname) => routeOf(hostname), clock),
    gate: OPEN_GATE,
    limits: DEFAULT_RELAY_LIMITS,
    pools,
    onFault: (error) => faults.push(error),
  });
  const listeners = await Promise.all(
    (['http/1.1', 'h2'] as const).map(async (protocol) => {
      const listener = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
        relay.accept(socket, { isSecure: false, protocol }),
      );
      listener.listen(0, '127.0.0.1');
      await once(listener, 'listening');
      return listener;
    }),
  );
  const [port, http2Port] = listeners.map((listener) => (listener.address() as net.AddressInfo).port);
  return {
    port,
    http2Port,
    faults,
    stop: async () => {
      relay.close();
      for (const listener of listeners) await new Promise((resolve) => listener.close(resolve));
    },
  };
}
