import { BlockList, isIP, isIPv6 } from 'node:net';
import { Field, type RequestHead } from '@culvert/http1';
import { plainAddress } from '@culvert/sockets';
import { claimedRequestId, makeRequestId } from '../request-id.js';
import type { ForwardedScope } from '../routing/route.js';

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

  /** Returns the client that the peer itself names in a request; null: only the chain of addresses tells. */
  clientNamedIn(_request: RequestHead): string | null {
    return null;
  }

  /** Returns the chain of addresses that services get. `claimedChain` is not empty. */
  chainOf(peer: string, claimedChain: string): string {
    return `${claimedChain}, ${peer}`;
  }
}

/**
 * An edge, as seen by a relay behind its tunnel, which passes the fields about the visitor on as they are. The edge drops those of
 * visitors, and alone knows which balancers in front of it to trust, so that its chain of addresses does not tell the client.
 */
export class EdgeBefore extends TrustedProxies {
  /** Returns the client of `Forwarded`; null if the edge does not write it. */
  override clientNamedIn(request: RequestHead): string | null {
    const elements: string[] = [];
    for (let i = 0; i < request.count; i++)
      if (request.id(i) === Field.FORWARDED) elements.push(request.value(i));
    const [, named = ''] = /^for="?\[?([\da-f.:]+)\]?"?;[^,]*$/i.exec(elements.join(', ')) ?? [];
    return isIP(named) === 0 ? null : named;
  }

  override chainOf(_peer: string, claimedChain: string): string {
    return claimedChain;
  }
}

/** The lines that tell services who the visitor of one connection is. Most of its requests name the same host. */
export class ForwardedFields {
  /** Trusted proxies, if the peer is one of them; null otherwise. */
  private readonly proxies: TrustedProxies | null;
  /** The host for which `lines` were made. */
  private host = '';
  private lines = '';

  /** @param peer address of the connection's other end */
  constructor(
    private readonly peer: string,
    private readonly isSecure: boolean,
    trusted: TrustedProxies,
  ) {
    this.proxies = trusted.has(peer) ? trusted : null;
  }

  /** Returns the id of a request: that of a trusted proxy, or a new one. */
  requestIdOf(request: RequestHead): string {
    return this.proxies === null ? makeRequestId() : claimedRequestId(request);
  }

  /** Returns the lines for a request to a service that learns `scope`, each with its CRLF. */
  linesOf(request: RequestHead, scope: ForwardedScope): string {
    const { peer, isSecure, proxies } = this;
    if (scope === 'none') return '';
    if (scope === 'address') return clientLine(request, peer, proxies);
    if (proxies !== null) return forwardedLines(request, peer, isSecure, proxies);
    if (this.lines === '' || this.host !== request.host) {
      this.host = request.host;
      this.lines = forwardedLines(request, peer, isSecure, null);
    }
    return this.lines;
  }
}

/** Returns all `X-Forwarded-For` of a request as one value; '' without. */
export function forwardedFor(request: RequestHead): string {
  return claim(request, 'x-forwarded-for');
}

/**
 * Returns `X-Forwarded-For` with the client's address alone, with its CRLF. Services take either end of a chain for their
 * visitor, and the visitor may have written its beginning.
 * @param peer address of the connection's other end
 * @param proxies those that are trusted, when the peer is one of them; null otherwise
 */
export function clientLine(request: RequestHead, peer: string, proxies: TrustedProxies | null): string {
  const client =
    proxies === null
      ? peer
      : (proxies.clientNamedIn(request) ?? proxies.clientOf(peer, forwardedFor(request)));
  return `X-Forwarded-For: ${client}\r\n`;
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
      client = proxies.clientNamedIn(request) ?? proxies.clientOf(peer, claimed);
      chain = proxies.chainOf(peer, claimed);
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
