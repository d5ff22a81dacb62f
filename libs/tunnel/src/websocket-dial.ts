import type { Agent, IncomingMessage } from 'node:http';
import { checkServerIdentity } from 'node:tls';
import { WebSocket } from 'ws';
import type { Carrier } from './carrier.js';
import { WEBSOCKET_OPTIONS, WebSocketCarrier } from './websocket-carrier.js';

/** Path at which an edge accepts native tunnels. */
export const TUNNEL_PATH = '/tunnel/v1';

export interface DialTarget {
  /** `http:` or `https:` address of the deployment; `path` is appended to its path. */
  readonly url: URL;
  /** Path at which it accepts tunnels. Default: `TUNNEL_PATH`. */
  readonly path?: string | undefined;
  readonly apiKey: string;
  /** PEM certificates to trust instead of the built-in ones. */
  readonly ca?: string | undefined;
  /** Makes the connection. An agent that uses a proxy emits `proxyConnect` on the request. Default: Node's agent. */
  readonly agent?: Agent | undefined;
  /** Limit for DNS, TCP, TLS and the upgrade together. */
  readonly timeoutMs: number;
  /** Aborts an attempt that is under way. */
  readonly signal?: AbortSignal | undefined;
}

export type DialResult =
  | { readonly ok: true; readonly carrier: Carrier }
  /** `status` is the HTTP status instead of an upgrade, or null without a response. */
  | { readonly ok: false; readonly status: number | null; readonly reason: string };

/** Connects the carrier of a native tunnel. Never rejects. */
export function dialWebSocket(target: DialTarget): Promise<DialResult> {
  return new Promise((resolve) => {
    let byProxy: number | undefined;
    const socket = new WebSocket(tunnelUrl(target.url, target.path ?? TUNNEL_PATH), {
      ...WEBSOCKET_OPTIONS,
      headers: { authorization: `Bearer ${target.apiKey}` },
      handshakeTimeout: target.timeoutMs,
      generateMask: zeroMask,
      ...(target.ca === undefined ? {} : { ca: target.ca }),
      ...(target.agent && { agent: target.agent, checkServerIdentity: identityOf(target.url) }),
      finishRequest: (request) => {
        request.once('proxyConnect', ({ statusCode }: IncomingMessage) => (byProxy = statusCode));
        request.end();
      },
    });
    const abort = (): void => socket.terminate();
    const settle = (result: DialResult): void => {
      target.signal?.removeEventListener('abort', abort);
      resolve(result);
    };
    target.signal?.addEventListener('abort', abort);
    socket.once('open', () => settle({ ok: true, carrier: new WebSocketCarrier(socket) }));
    socket.on('error', (error) => settle({ ok: false, status: null, reason: describe(error) }));
    socket.once('unexpected-response', (request, response) => {
      const status = response.statusCode ?? null;
      // A refusal by a proxy is not about the credential.
      if (byProxy !== undefined && byProxy !== 200)
        settle({ ok: false, status: null, reason: `the proxy answered ${byProxy} to CONNECT` });
      else settle({ ok: false, status, reason: `the edge answered ${status} to the upgrade` });
      request.destroy();
    });
    if (target.signal?.aborted) abort();
  });
}

function tunnelUrl(base: URL, path: string): URL {
  const url = new URL(base);
  url.protocol = base.protocol === 'https:' ? 'wss:' : 'ws:';
  url.pathname = base.pathname.replace(/\/*$/, path);
  return url;
}

/** Checks certificates against the host of the URL: agents that wrap others lose it when it is an IP address. */
function identityOf({ hostname }: URL): typeof checkServerIdentity {
  const host = hostname.replace(/^\[|\]$/g, '');
  return (_host, certificate) => checkServerIdentity(host, certificate);
}

/** Leaves the key zero, which lets both ends skip masking (docs/decisions/0004-zero-mask.md). */
function zeroMask(mask: Buffer): void {
  mask.fill(0);
}

/** Node wraps the failures of several addresses in an error without a message. */
function describe(error: Error): string {
  if (error instanceof AggregateError) return error.errors.map(String).join('; ');
  return error.message;
}
