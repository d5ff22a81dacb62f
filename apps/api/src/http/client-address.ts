import { BlockList, isIP } from 'node:net';
import { plainAddress } from '@culvert/sockets';
import type { Request } from 'express';

/**
 * Express's `trust proxy`: our peer is an edge, in this process or another, and says truly who it speaks for; so do
 * the proxies in front of it that the operator trusts. The address that none of them vouches for is the client's.
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

/** Address of the person or machine that makes the request, or null when nothing says. */
export function clientAddress(request: Request): string | null {
  const address = plainAddress(request.ip);
  return isIP(address) === 0 ? null : address;
}
