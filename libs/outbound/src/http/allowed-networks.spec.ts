import { describe, expect, it } from 'vitest';
import { AllowedNetworks } from './allowed-networks.js';

describe('AllowedNetworks', () => {
  it('allows public addresses only, unless a network is named', () => {
    const none = new AllowedNetworks();
    const some = new AllowedNetworks(['10.1.0.0/16', '127.0.0.1', 'fd00::/8']);
    expect(['8.8.8.8', '2606:4700::1'].every((address) => none.allows(address))).toBe(true);
    for (const address of ['10.1.2.3', '127.0.0.1', 'fd00::1'])
      expect([none.allows(address), some.allows(address)], address).toEqual([false, true]);
    for (const address of [
      '10.2.0.1',
      '127.0.0.2',
      '169.254.169.254',
      '::ffff:169.254.169.254',
      'fe80::1',
      'x',
    ])
      expect(some.allows(address), address).toBe(false);
  });

  it.each([
    ['https://169.254.169.254/', true],
    ['https://[::1]/', true],
    ['https://[::ffff:10.0.0.1]/', true],
    ['https://0x7f.1/', true],
    ['https://localhost/', true],
    ['https://a.localhost./', true],
    ['https://8.8.8.8/', false],
    // It is checked again when a connection is made.
    ['https://does-not-exist.invalid/', false],
  ])('judges %s by its address', async (url, isRefused) => {
    expect(await new AllowedNetworks().refuses(new URL(url))).toBe(isRefused);
  });
});
