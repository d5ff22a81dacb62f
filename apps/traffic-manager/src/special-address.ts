/**
 * Addresses of the traffic manager's own machine, or of services that only that machine may call: its cloud's metadata. No
 * preview should reach them, and services there often trust all callers.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { ipv6Groups, plainAddress } from '@culvert/sockets';

type Range = readonly [address: string, prefix: number];

const UNSPECIFIED: readonly Range[] = [
  // Linux connects to its own machine.
  ['0.0.0.0', 8],
  ['::', 128],
];
const LOOPBACK: readonly Range[] = [
  ['127.0.0.0', 8],
  ['::1', 128],
];
const LINK_LOCAL: readonly Range[] = [
  // The metadata of most clouds is at 169.254.169.254.
  ['169.254.0.0', 16],
  ['fe80::', 10],
];
const METADATA: readonly Range[] = [
  // AWS, Google Cloud.
  ['fd00:ec2::', 32],
  ['fd20:ce::', 64],
  // Alibaba Cloud, Azure, Oracle Cloud.
  ['100.100.100.200', 32],
  ['168.63.129.16', 32],
  ['192.0.0.192', 32],
];

/** What an address is, if it is special. */
export type SpecialKind = 'an unspecified' | 'a loopback' | 'a link-local' | 'a cloud metadata';

const KINDS: readonly (readonly [kind: SpecialKind, ranges: readonly { range: Range; list: BlockList }[]])[] =
  (
    [
      ['an unspecified', UNSPECIFIED],
      ['a loopback', LOOPBACK],
      ['a link-local', LINK_LOCAL],
      ['a cloud metadata', METADATA],
    ] as const
  ).map(([kind, ranges]) => [kind, ranges.map((range) => ({ range, list: listOf(range) }))]);

/**
 * Returns what is special about an address, however it is written; null: nothing. An IPv6 address that stands for an IPv4
 * one is judged as both.
 * @param address one that `isIP` accepts
 */
export function specialKind(address: string): SpecialKind | null {
  const [withoutZone = ''] = address.split('%');
  for (const each of [withoutZone, ...embeddedIpv4(withoutZone)])
    for (const [kind, ranges] of KINDS) if (ranges.some(({ list }) => covers(list, each))) return kind;
  return null;
}

/**
 * Reports whether a range covers only special addresses: it lies in one of their ranges. A wider range, such as 0.0.0.0/0, does not.
 * @param prefix bits of the address that count
 */
export function isSpecialRange(address: string, prefix: number): boolean {
  if (prefix === (isIPv6(address) ? 128 : 32)) return specialKind(address) !== null;
  return KINDS.some(([, ranges]) =>
    ranges.some(
      ({ range, list }) =>
        prefix >= range[1] && isIPv6(range[0]) === isIPv6(address) && covers(list, address),
    ),
  );
}

function listOf([address, prefix]: Range): BlockList {
  const list = new BlockList();
  list.addSubnet(address, prefix, isIPv6(address) ? 'ipv6' : 'ipv4');
  return list;
}

function covers(list: BlockList, address: string): boolean {
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

/**
 * Returns the IPv4 addresses that a translator or router on the way may connect to instead: mapped and compatible (RFC 4291
 * §2.5.5), translated (RFC 2765), NAT64 (RFC 6052, RFC 8215, with the address at any of its places) and 6to4 (RFC 3056).
 */
function embeddedIpv4(address: string): readonly string[] {
  const plain = plainAddress(address);
  if (isIPv4(plain)) return [plain];
  const groups = ipv6Groups(address);
  const at = (i: number): string => dotted(groups[i], groups[i + 1]);
  const startsWith = (...start: number[]): boolean => start.every((group, i) => groups[i] === group);
  if (startsWith(0, 0, 0, 0, 0, 0) || startsWith(0, 0, 0, 0, 0xffff, 0)) return [at(6)];
  if (startsWith(0x64, 0xff9b, 0, 0, 0, 0)) return [at(6)];
  if (startsWith(0x64, 0xff9b, 1)) return localNat64(groups);
  return startsWith(0x2002) ? [at(1)] : [];
}

/** The network decides which position of RFC 6052 §2.2 holds the address, so every position is checked. */
function localNat64(groups: readonly number[]): readonly string[] {
  const octets = groups.flatMap((group) => [group >> 8, group & 255]);
  return [
    [6, 7, 9, 10],
    [7, 9, 10, 11],
    [9, 10, 11, 12],
    [12, 13, 14, 15],
  ]
    .map((places) => places.map((place) => octets[place]).join('.'))
    .filter((ipv4) => !ipv4.startsWith('0.'));
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
