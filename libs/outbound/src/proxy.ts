/** The proxy between this network and the rest of the world, as HTTPS_PROXY, HTTP_PROXY and NO_PROXY name it. */
import type { Agent } from 'node:http';
import { getProxyForUrl } from 'proxy-from-env';

/**
 * What connects to `url` through its proxy, by CONNECT (RFC 9110 §9.3.6); undefined: nothing is between. Rejects when the
 * variable names nothing that could be a proxy.
 */
export async function proxyAgent(url: URL): Promise<Agent | undefined> {
  const proxy = getProxyForUrl(url.href);
  if (proxy === '') return undefined;
  // Its value stays out of the message: it may hold a password.
  if (!URL.canParse(proxy) || !/^https?:$/.test(new URL(proxy).protocol))
    throw new Error('HTTPS_PROXY or HTTP_PROXY is not the http or https address of a proxy');
  const { HttpsProxyAgent } = await import('https-proxy-agent');
  return new HttpsProxyAgent(proxy);
}
