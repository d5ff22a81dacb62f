import { describe, expect, it } from 'vitest';
import { ipv6Groups, networkOf, plainAddress, siteOf } from './address.js';

describe(plainAddress.name, () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['0000:0000:0000:0000:0000:ffff:c000:0201', '192.0.2.1'],
    ['::1', '::1'],
    ['::192.0.2.1', '::192.0.2.1'],
    ['2001:db8::ffff:192.0.2.1', '2001:db8::ffff:192.0.2.1'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['no:address', 'no:address'],
    ['', ''],
    [undefined, 'unknown'],
  ])('writes %s as %s', (address, plain) => expect(plainAddress(address)).toBe(plain));
});

describe(networkOf.name, () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    // Every IPv4 client behind a dual-stack proxy was one network, 0:0:0:0.
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:202', '192.0.2.2'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::9', '2001:db8:1:2'],
    ['2001:0DB8:0001:0002::9', '2001:db8:1:2'],
    ['2001:db8::9', '2001:db8:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['::', '0:0:0:0'],
    ['no address', 'no address'],
    [null, 'unknown'],
  ])('of %s is %s', (address, network) => expect(networkOf(address)).toBe(network));
});

describe(siteOf.name, () => {
  it.each([
    ['192.0.2.1', '192.0.2'],
    ['::ffff:192.0.2.1', '192.0.2'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1'],
    ['2001:0DB8:0001:ffff::9', '2001:db8:1'],
    ['2001:db8::9', '2001:db8:0'],
    ['no address', 'no address'],
    [null, 'unknown'],
  ])('of %s is %s', (address, site) => expect(siteOf(address)).toBe(site));
});

describe(ipv6Groups.name, () => {
  it.each([
    ['::', [0, 0, 0, 0, 0, 0, 0, 0]],
    ['1::', [1, 0, 0, 0, 0, 0, 0, 0]],
    ['::1', [0, 0, 0, 0, 0, 0, 0, 1]],
    ['1:2:3:4:5:6:7:8', [1, 2, 3, 4, 5, 6, 7, 8]],
    ['1:2:3:4:5:6:7::', [1, 2, 3, 4, 5, 6, 7, 0]],
    ['64:ff9b::169.254.169.254', [0x64, 0xff9b, 0, 0, 0, 0, 0xa9fe, 0xa9fe]],
  ])('of %s are %j', (address, groups) => expect(ipv6Groups(address)).toEqual(groups));
});
