/** Name resolution: what this machine says, and what DNS says. */
import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { proxyOf } from '@culvert/outbound';
import type { Check, Finding } from './check.js';
import { hostOf } from './way.js';

const DNS_TIMEOUT_MS = 3000;

/** Checks that a host name has addresses. */
export function nameCheck(url: string): Check {
  return {
    id: 'name',
    title: 'Host name',
    timeoutMs: 8000,
    run: async () => {
      const host = hostOf(url);
      if (isIP(host) !== 0)
        return { state: 'ok', message: `${host} is an address`, facts: { host, addresses: [host] } };
      const [addresses, dns] = await Promise.all([addressesOf(host), recordsOf(host)]);
      return judge(url, host, addresses, dns);
    },
  };
}

function judge(url: string, host: string, addresses: string[] | null, dns: string[]): Finding {
  const facts = { host, addresses: addresses ?? [], dns };
  if (addresses === null) {
    const message = `${host} does not resolve`;
    if (hasProxy(url))
      return { state: 'ok', message: `${message} on this machine; the proxy resolves it`, facts };
    return { state: 'failure', message, advice: 'Check the name, and that this machine is online.', facts };
  }
  const found = `${host} is ${addresses.join(', ')}`;
  const isOwn = addresses.some((address) => !dns.includes(address));
  if (!isOwn) return { state: 'ok', message: found, facts };
  if (host === 'localhost' || host.endsWith('.localhost'))
    return { state: 'ok', message: `${found}: this machine, as every name below localhost`, facts };
  const message =
    dns.length === 0
      ? `${found}, which does not come from DNS but from this machine, such as its hosts file`
      : `${found}, but DNS says ${dns.join(', ')}`;
  // A hosts file that disagrees with DNS is often forgotten.
  return dns.length === 0
    ? { state: 'ok', message, facts }
    : { state: 'warning', message, advice: 'Check the hosts file of this machine.', facts };
}

/** Returns what connections use: the hosts file and DNS. Null if the name does not resolve. */
async function addressesOf(host: string): Promise<string[] | null> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch {
    return null;
  }
}

/** Returns the A and AAAA records of DNS; empty if it has none or does not answer. */
async function recordsOf(host: string): Promise<string[]> {
  const resolver = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: 1 });
  const found = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  return found.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
}

function hasProxy(url: string): boolean {
  try {
    return proxyOf(url) !== null;
  } catch {
    return false;
  }
}
