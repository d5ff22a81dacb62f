/** The plain-text port beside TLS: it sends visitors to https, and serves nothing else. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listenError, type Settings } from '@culvert/runtime';

const MAX_HEAD_BYTES = 16_384;
/** Time for a whole request, its body included. */
const REQUEST_TIMEOUT_MS = 10_000;
/** Connections of one process; each takes one request. */
const MAX_CONNECTIONS = 1000;

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const TARGET = /^\/[\x21-\x7e]*$/;

type RedirectSettings = Pick<Settings, 'listen' | 'httpRedirectPort' | 'public'>;

export interface HttpRedirect {
  readonly port: number;
  /** Closes the port, its connections included. */
  close(): void;
}

/**
 * Opens `HTTP_REDIRECT_PORT`. Requests for the app host and for hosts of previews are redirected to the same address with https
 * (308, which keeps method and body); all others get 404.
 * @returns null without the setting
 * @throws StartError if the port is in use, or may not be opened
 */
export async function openHttpRedirect(settings: RedirectSettings): Promise<HttpRedirect | null> {
  const { httpRedirectPort: wanted } = settings;
  if (wanted === null) return null;
  const server = createServer(
    {
      maxHeaderSize: MAX_HEAD_BYTES,
      headersTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      noDelay: true,
    },
    (request, response) => {
      const location = locationOf(request, settings);
      const head = { connection: 'close', 'content-length': '0' };
      if (location === null) response.writeHead(404, head).end();
      else response.writeHead(308, { ...head, location }).end();
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(wanted, settings.listen.host, resolve);
  }).catch((error: unknown) => {
    throw listenError(error, 'HTTP_REDIRECT_PORT', wanted);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Returns the address with https; null if the host is not one of this deployment, or the target is not a path. */
function locationOf(
  { headers, url = '' }: IncomingMessage,
  { public: { appHostname, previewDomain, port } }: RedirectSettings,
): string | null {
  const hostname = (headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
  const label = hostname.endsWith(`.${previewDomain}`) ? hostname.slice(0, -previewDomain.length - 1) : '';
  if (hostname !== appHostname && !LABEL.test(label)) return null;
  return TARGET.test(url) ? `https://${hostname}${port === 443 ? '' : `:${port}`}${url}` : null;
}
