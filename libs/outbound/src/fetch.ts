/** `fetch` for programs whose Culvert is behind a proxy, or has a certificate of somebody's own authority. */
import type { Dispatcher } from 'undici';
import { proxyOf } from './proxy.js';

export type Fetch = typeof globalThis.fetch;

export interface FetchOptions {
  /** PEM certificates to trust instead of the usual ones. */
  readonly ca?: string | readonly string[] | undefined;
  /** For TCP and TLS together, in milliseconds. */
  readonly connectTimeoutMs: number;
}

/** A `fetch` that trusts `ca`, and goes through the proxy of the environment where there is one (proxy.ts). */
export function createFetch({ ca, connectTimeoutMs }: FetchOptions): Fetch {
  const connect = { timeout: connectTimeoutMs, ...(ca !== undefined && { ca: [ca].flat() }) };
  const dispatchers = new Map<string | null, Dispatcher>();
  const send = async (input: string | URL, init: RequestInit): Promise<unknown> => {
    const proxy = proxyOf(input);
    // Node has the same built in, and loaded: only it takes neither certificates nor proxies.
    if (ca === undefined && proxy === null) return globalThis.fetch(input, init);
    // It takes longer to load than help and completion take to print.
    const { Agent, fetch, ProxyAgent } = await import('undici');
    let dispatcher = dispatchers.get(proxy);
    if (dispatcher === undefined) {
      dispatcher =
        proxy === null ? new Agent({ connect }) : new ProxyAgent({ uri: proxy, requestTls: connect });
      dispatchers.set(proxy, dispatcher);
    }
    return fetch(input, { ...(init as object), dispatcher });
  };
  // The same interface, by the implementation that Node builds in; only its types are declared twice.
  return send as unknown as Fetch;
}
