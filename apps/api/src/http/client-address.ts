import { BlockList, isIP } from 'node:net';
import { plainAddress } from '@culvert/sockets';

/**
 * Returns a function for Express's `trust proxy`. The peer is an edge, in this process or another, whose report of its
 * client is trusted; so are the proxies in front of it that the operator trusts. The first address that is not trusted is the
 * client's.
 */
export function trustEdgeAnd(proxies: readonly string[]): (address: string, hop: number) => boolean {
  const trusted = new BlockList();
  for (const proxy of proxies) {
    const [address = '', prefix] = proxy.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(prefix), family);
  }
  return (address, hop) =>
    hop === 0 || (isIP(address) !== 0 && trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'));
}

/** Returns the address of the person or machine that makes the request, or null if it is unknown. */
export function clientAddress({ ip }: { readonly ip?: string | undefined }): string | null {
  const address = plainAddress(ip);
  return isIP(address) === 0 ? null : address;
}
