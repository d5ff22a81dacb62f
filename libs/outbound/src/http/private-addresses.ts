/** Addresses that are not of the public Internet (IANA's special-purpose registries, RFC 6890). */
import { BlockList, isIP } from 'node:net';

const IPV4: readonly (readonly [network: string, bits: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  // Carrier-grade NAT (RFC 6598).
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Link-local, with the metadata services of clouds.
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  // Multicast, reserved and broadcast.
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];

const IPV6: typeof IPV4 = [
  ['::', 128],
  ['::1', 128],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  // Teredo, benchmarks, ORCHID, documentation.
  ['2001::', 23],
  ['2001:db8::', 32],
  ['3fff::', 20],
  ['5f00::', 16],
  // Unique local, link-local, site-local, multicast.
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
];

/** Prefixes whose addresses hold an IPv4 address, and the byte at which it begins. The embedded address decides. */
const EMBEDDING: readonly (readonly [prefix: readonly number[], at: number])[] = [
  [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 12],
  [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff], 12],
  [[0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0], 12],
  // NAT64 (RFC 6052) and 6to4 (RFC 3056).
  [[0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0], 12],
  [[0x20, 0x02], 2],
];

let blocked: BlockList | undefined;

/**
 * Reports whether `address` is private, local or reserved in any other way. Text that is not an IP address counts as
 * private.
 */
export function isPrivateAddress(address: string): boolean {
  const bare = address.replace(/%.*$/, '');
  const family = isIP(bare);
  if (family === 0) return true;
  blocked ??= createBlockList();
  if (family === 4) return blocked.check(bare, 'ipv4');
  if (blocked.check(bare, 'ipv6')) return true;
  const embedded = embeddedIpv4(bytesOf(bare));
  return embedded !== null && blocked.check(embedded, 'ipv4');
}

function createBlockList(): BlockList {
  const list = new BlockList();
  for (const [network, bits] of IPV4) list.addSubnet(network, bits, 'ipv4');
  for (const [network, bits] of IPV6) list.addSubnet(network, bits, 'ipv6');
  return list;
}

function embeddedIpv4(bytes: readonly number[]): string | null {
  for (const [prefix, at] of EMBEDDING) {
    if (prefix.every((byte, i) => bytes[i] === byte)) return bytes.slice(at, at + 4).join('.');
  }
  return null;
}

/** Returns the 16 bytes of an IPv6 address, which is valid. */
function bytesOf(address: string): number[] {
  // The URL parser writes out an IPv4 tail as two groups.
  const [head = '', tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const groups = groupsOf(head);
  if (tail !== undefined) {
    const after = groupsOf(tail);
    groups.push(...Array.from({ length: 8 - groups.length - after.length }, () => 0), ...after);
  }
  return groups.flatMap((group) => [group >> 8, group & 0xff]);
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}
