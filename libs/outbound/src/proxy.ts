/** The proxy between this network and the rest of the world, as HTTPS_PROXY, HTTP_PROXY and NO_PROXY name it. */
import type { Agent } from 'node:http';
import { getProxyForUrl } from 'proxy-from-env';

/** Returns the proxy for `url`, or null without one. Throws when the variable does not name a proxy. */
export function proxyOf(url: string | URL): string | null {
  const proxy = getProxyForUrl(String(url));
  if (proxy === '') return null;
  // The message does not quote the variable, which may hold a password.
  if (!URL.canParse(proxy) || !/^https?:$/.test(new URL(proxy).protocol))
    throw new Error('HTTPS_PROXY or HTTP_PROXY is not the http or https address of a proxy');
  return proxy;
}

/** Returns an agent for `url` through its proxy, by CONNECT (RFC 9110 §9.3.6); undefined without one. Rejects as `proxyOf` throws. */
export async function proxyAgent(url: URL): Promise<Agent | undefined> {
  const proxy = proxyOf(url);
  if (proxy === null) return undefined;
  const { HttpsProxyAgent } = await import('https-proxy-agent');
  return new HttpsProxyAgent(proxy);
}
