import { BlockList, isIP, isIPv6 } from 'node:net';
import { Field, type RequestHead } from '@culvert/http1';
import { plainAddress } from '@culvert/sockets';

/** Which peers may speak for somebody else: load balancers in front of the edge. */
export class TrustedProxies {
  private readonly list = new BlockList();
  private readonly isEmpty: boolean;

  /** @param ranges addresses or CIDR ranges, already validated */
  constructor(ranges: readonly string[]) {
    this.isEmpty = ranges.length === 0;
    for (const range of ranges) {
      const [address = '', prefix] = range.split('/');
      const family = isIPv6(address) ? 'ipv6' : 'ipv4';
      if (prefix === undefined) this.list.addAddress(address, family);
      else this.list.addSubnet(address, Number(prefix), family);
    }
  }

  has(address: string): boolean {
    return !this.isEmpty && this.list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  }

  /**
   * Who asks: the last of a chain of addresses that no trusted proxy vouches for. What stands before it, anybody may
   * have written.
   * @param peer address of the connection's other end
   * @param claimedChain value of `X-Forwarded-For`; '' for none
   */
  clientOf(peer: string, claimedChain: string): string {
    let client = peer;
    if (claimedChain === '' || !this.has(peer)) return client;
    const chain = claimedChain.split(',');
    for (let claimed = chain.pop(); claimed !== undefined && this.has(client); claimed = chain.pop()) {
      const address = plainAddress(claimed.trim());
      if (isIP(address) === 0) break;
      client = address;
    }
    return client;
  }
}

/** What proxies say of who asked: the `X-Forwarded-For` of a request in one value; '' without. */
export function forwardedFor(request: RequestHead): string {
  return claim(request, 'x-forwarded-for');
}

/**
 * The lines that tell the service who asked, each with its CRLF. What the visitor claimed is used only when the
 * peer is a trusted proxy.
 * @param peer address of the connection's other end
 * @param proxies those that are trusted, when the peer is one of them; null otherwise
 */
export function forwardedLines(
  request: RequestHead,
  peer: string,
  secure: boolean,
  proxies: TrustedProxies | null,
): string {
  let client = peer;
  let chain = peer;
  let scheme = secure ? 'https' : 'http';
  let host = request.host;
  if (proxies !== null) {
    const claimed = claim(request, 'x-forwarded-for');
    if (claimed !== '') {
      // The first of the chain may be the visitor's own invention.
      client = proxies.clientOf(peer, claimed);
      chain = `${claimed}, ${peer}`;
    }
    const claimedScheme = claim(request, 'x-forwarded-proto').toLowerCase();
    if (claimedScheme === 'http' || claimedScheme === 'https') scheme = claimedScheme;
    host = claim(request, 'x-forwarded-host') || host;
  }
  return (
    `X-Forwarded-For: ${chain}\r\nX-Forwarded-Host: ${host}\r\nX-Forwarded-Proto: ${scheme}\r\n` +
    `Forwarded: for=${node(client)};host=${quoteUnlessToken(host)};proto=${scheme}\r\n`
  );
}

function claim(request: RequestHead, name: string): string {
  const values: string[] = [];
  for (let i = 0; i < request.count; i++) {
    if (request.id(i) === Field.X_FORWARDED && request.isNamed(i, name)) values.push(request.value(i));
  }
  return values.join(', ');
}

/** RFC 7239 §6: IPv6 addresses stand in brackets and quotes. */
function node(address: string): string {
  return isIPv6(address) ? `"[${address}]"` : quoteUnlessToken(address);
}

function quoteUnlessToken(text: string): string {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}
