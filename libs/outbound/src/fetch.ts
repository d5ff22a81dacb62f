/** `fetch` for programs whose Culvert is behind a proxy, or has a certificate of somebody's own authority. */
import type { Dispatcher } from 'undici';

export type Fetch = typeof globalThis.fetch;

export interface FetchOptions {
  /** PEM certificates to trust instead of the usual ones. */
  readonly ca?: string | readonly string[] | undefined;
  /** For TCP and TLS together, in milliseconds. */
  readonly connectTimeoutMs: number;
}

const PROXY_VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'];

/** A `fetch` that trusts `ca`, and goes through HTTPS_PROXY or HTTP_PROXY where one is set and NO_PROXY does not say otherwise. */
export function createFetch({ ca, connectTimeoutMs }: FetchOptions): Fetch {
  // Node has the same built in, and loaded: only it takes neither certificates nor proxies.
  if (ca === undefined && !PROXY_VARIABLES.some((name) => process.env[name])) return globalThis.fetch;
  const connect = { timeout: connectTimeoutMs, ...(ca !== undefined && { ca: [ca].flat() }) };
  let dispatcher: Dispatcher | undefined;
  const send = async (input: string | URL, init: object) => {
    // It takes longer to load than help and completion take to print.
    const { EnvHttpProxyAgent, fetch } = await import('undici');
    dispatcher ??= new EnvHttpProxyAgent({ connect, requestTls: connect });
    return fetch(input, { ...init, dispatcher });
  };
  // The same interface, by the implementation that Node builds in; only its types are declared twice.
  return send as unknown as Fetch;
}
