import { BlockList, isIP, isIPv6 } from 'node:net';
import { Field, type RequestHead } from '@culvert/http1';
import { plainAddress } from '@culvert/sockets';

/** The peers whose forwarding fields are believed: load balancers in front of the edge. */
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
   * Returns the client's address: the last of the chain that is not a trusted proxy. Anyone may have written the
   * addresses before it.
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

/** Returns all `X-Forwarded-For` of a request as one value; '' without. */
export function forwardedFor(request: RequestHead): string {
  return claim(request, 'x-forwarded-for');
}

/**
 * Returns the lines that identify the client to the service, each with its CRLF. The visitor's claims are used only
 * when the peer is a trusted proxy.
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
