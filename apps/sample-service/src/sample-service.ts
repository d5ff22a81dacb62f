import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serveAsset } from './assets.js';
import { Clock } from './clock.js';
import { Echo } from './echo.js';
import {
  answerSlowly,
  describeRequest,
  receiveUpload,
  sendBytes,
  sendChunked,
  sendEarlyHints,
  sendStatus,
} from './endpoints.js';
import { RequestError, sendText } from './exchange.js';
import { changeCookies, Posts, showCookies, showHeaders, showHome } from './forms.js';
import { dispatch, type Route } from './router.js';

export interface SampleServiceOptions {
  /** TCP port, 0 for any free one. */
  readonly port: number;
  /** Address to listen on. */
  readonly host: string;
  /** Shown on its pages and in the `x-sample-service` header: printable ASCII. */
  readonly name?: string;
  /** Accent of its pages, `#rrggbb`. */
  readonly color?: string;
  /** Time between two events of the clock. */
  readonly clockIntervalMs?: number;
}

export interface SampleService {
  /** The port it listens on. */
  readonly port: number;
  /** Ends every connection and resolves once the port is free. */
  close(): Promise<void>;
}

/** Starts the service. Rejects if it cannot listen at the address; throws `RangeError` on a bad option. */
export async function startSampleService(options: SampleServiceOptions): Promise<SampleService> {
  const { port, host, name = 'Sample service', color = '#0f766e', clockIntervalMs = 1000 } = options;
  // Both are inserted into places with a syntax of their own: a header field, and a style sheet.
  if (!/^[\x20-\x7e]{1,100}$/.test(name))
    throw new RangeError('name must be 1 to 100 printable ASCII characters');
  if (!/^#[\da-f]{6}$/i.test(color)) throw new RangeError('color must look like #0f766e');

  const identity = { name, color };
  const clock = new Clock(clockIntervalMs);
  const echo = new Echo();
  const routes = routesOf(clock);

  const server = createServer((request, response) => void dispatch(routes, identity, request, response));
  // An upload may take as long as it makes progress; a head must be fast.
  server.requestTimeout = 0;
  server.headersTimeout = 30_000;
  // Longer than a relay keeps an idle connection, so that the relay closes first.
  server.keepAliveTimeout = 120_000;
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    if (request.url?.split('?')[0] === '/echo') echo.handleUpgrade(request, socket, head);
    else socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        clock.close();
        echo.close();
        server.closeAllConnections();
      }),
  };
}

function routesOf(clock: Clock): Route[] {
  const posts = new Posts();
  return [
    { path: /^\/$/, methods: { GET: showHome } },
    {
      path: /^\/assets\/([\w.-]+)$/,
      methods: {
        GET: (exchange) => {
          if (!serveAsset(exchange)) throw new RequestError(404, 'no such asset');
        },
      },
    },
    { path: /^\/form$/, methods: { POST: posts.take } },
    { path: /^\/form\/([\w-]+)$/, methods: { GET: posts.show } },
    { path: /^\/upload$/, methods: { POST: receiveUpload, PUT: receiveUpload } },
    { path: /^\/clock$/, methods: { GET: clock.handle } },
    { path: /^\/headers$/, methods: { GET: showHeaders } },
    { path: /^\/cookies$/, methods: { GET: showCookies, POST: changeCookies } },
    { path: /^\/request$/, methods: { '*': describeRequest } },
    { path: /^\/bytes\/([^/]+)$/, methods: { GET: sendBytes } },
    { path: /^\/status\/([^/]+)$/, methods: { '*': sendStatus } },
    { path: /^\/slow$/, methods: { GET: answerSlowly } },
    { path: /^\/chunked$/, methods: { GET: sendChunked } },
    { path: /^\/early-hints$/, methods: { GET: sendEarlyHints } },
    { path: /^\/healthz$/, methods: { GET: ({ response }) => sendText(response, 'ok\n') } },
  ];
}
