/** A relay between real sockets: visitors of HTTP/1.1 and HTTP/2 on one side, a real service behind a preview on the other. */
import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import {
  type BodyFilter,
  DEFAULT_RELAY_LIMITS,
  OPEN_GATE,
  Relay,
  Route,
  SocketDialer,
  StreamPools,
} from '@culvert/relay';

export const HOST = 'demo.preview.test';

export interface Rig {
  readonly port: number;
  /** Like `port`, for connections that negotiated HTTP/2. */
  readonly http2Port: number;
  /** Sends a request for `/`. */
  fetch(options: { readonly method?: string; readonly headers?: Record<string, string> }): Promise<Answer>;
  /** Resolves once a connection to the service has closed. */
  whenServiceSeesAbort(): Promise<void>;
  stop(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** One character for each byte. */
  readonly body: string;
}

/** @param bodyFilter the preview's filter of responses; null for none */
export async function startRig(handle: http.RequestListener, bodyFilter: BodyFilter | null): Promise<Rig> {
  const events = new EventEmitter();
  const service = http.createServer(handle);
  service.on('connection', (socket: net.Socket) => socket.on('close', () => events.emit('abort')));
  const servicePort = await listen(service);
  const dialer = new SocketDialer(() => net.connect({ port: servicePort, host: '127.0.0.1', noDelay: true }));
  const pools = new StreamPools();
  const route = Route.forPreview(
    {
      id: 'p1',
      teamId: 't1',
      hostname: HOST,
      interceptId: 'id:demo',
      ingress: 'web.internal:80',
      l5Host: 'web.internal',
      addRequestHeaders: {},
      access: 'public',
      bodyFilter,
      expiresAt: Infinity,
    },
    pools.open(dialer),
  );
  const relay = new Relay({
    routes: { find: () => route },
    gate: OPEN_GATE,
    limits: DEFAULT_RELAY_LIMITS,
    pools,
    onFault: (error) => {
      throw error;
    },
  });
  const listeners = (['http/1.1', 'h2'] as const).map((protocol) =>
    net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      relay.accept(socket, { isSecure: false, protocol }),
    ),
  );
  const [port, http2Port] = [await listen(listeners[0]), await listen(listeners[1])];
  const agent = new http.Agent({ keepAlive: true });
  return {
    port,
    http2Port,
    fetch: ({ method = 'GET', headers = {} }) =>
      new Promise((resolve, reject) => {
        const options = { port, host: '127.0.0.1', agent, method, headers: { host: HOST, ...headers } };
        const request = http.request(options, (response) => {
          let body = '';
          response.setEncoding('latin1');
          response.on('data', (chunk: string) => (body += chunk));
          response.on('end', () =>
            resolve({ status: response.statusCode!, headers: response.headers, body }),
          );
          response.on('error', reject);
        });
        request.on('error', reject);
        request.end();
      }),
    whenServiceSeesAbort: async () => void (await once(events, 'abort')),
    stop: async () => {
      agent.destroy();
      relay.close();
      service.closeAllConnections();
      for (const server of [...listeners, service])
        await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as net.AddressInfo).port;
}
