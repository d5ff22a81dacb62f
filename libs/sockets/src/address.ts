/** IP addresses as text: one notation for each, whatever a socket, a proxy or a person writes. */
import { isIPv4, isIPv6 } from 'node:net';

/** Groups of 16 bits of an IPv6 address. */
const GROUPS = 8;

/** Groups that one customer gets at least: a /64. */
const NETWORK_GROUPS = 4;
/** Groups that one customer often gets: a /48. */
const SITE_GROUPS = 3;
/** Numbers of an IPv4 address that make a /24. */
const SITE_NUMBERS = 3;

/**
 * Returns an address in its usual notation. IPv4 addresses that are mapped into IPv6 (`::ffff:10.0.1.7`, in any notation),
 * as dual-stack sockets report them, become IPv4 addresses.
 * @returns `unknown` for undefined; what is not an address unchanged
 */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  if (!address.includes(':') || !isIPv6(address)) return address;
  const groups = ipv6Groups(address);
  return isMapped(groups) ? dotted(groups[6], groups[7]) : address;
}

/**
 * Returns the key that limits per address use: an IPv4 address, or the /64 of an IPv6 one, since a customer gets a whole /64
 * and could use another address for each request. It is the same for every notation.
 * @returns `unknown` for null; what is not an address unchanged
 */
export function networkOf(address: string | null): string {
  const plain = plainAddress(address ?? undefined);
  if (!isIPv6(plain)) return plain;
  return ipv6Prefix(plain, NETWORK_GROUPS);
}

/**
 * Returns the key of the larger network that one customer can have: the /24 of an IPv4 address, or the /48 of an IPv6 one.
 * It is for limits that 65,536 networks of one customer must not evade.
 * @returns `unknown` for null; what is not an address unchanged
 */
export function siteOf(address: string | null): string {
  const plain = plainAddress(address ?? undefined);
  if (isIPv4(plain)) return plain.split('.').slice(0, SITE_NUMBERS).join('.');
  return isIPv6(plain) ? ipv6Prefix(plain, SITE_GROUPS) : plain;
}

function ipv6Prefix(address: string, groups: number): string {
  return ipv6Groups(address)
    .slice(0, groups)
    .map((group) => group.toString(16))
    .join(':');
}

/** The eight 16-bit groups of an IPv6 address. @param address one that `isIPv6` accepts, with or without a zone */
export function ipv6Groups(address: string): readonly number[] {
  const [withoutZone = ''] = address.split('%');
  const [head = '', tail] = withoutZone.split('::');
  const before = parseGroups(head);
  const after = parseGroups(tail ?? '');
  const zeros = new Array<number>(GROUPS - before.length - after.length).fill(0);
  return [...before, ...zeros, ...after];
}

function parseGroups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!isIPv4(group)) return [parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}

function isMapped(groups: readonly number[]): boolean {
  return groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
