import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { isPrivateAddress } from './private-addresses.js';

const LOCAL_NAME = /^(?:.+\.)?localhost\.?$/i;
/** Limit of a look-up of a name, in milliseconds. */
const LOOKUP_MS = 2000;

/** Addresses that a client may connect to: all public ones, and those of networks that the operator names. */
export class AllowedNetworks {
  private readonly named = new BlockList();

  /** @param networks addresses and CIDR ranges, such as `10.0.0.0/8` and `::1` */
  constructor(networks: readonly string[] = []) {
    for (const network of networks) {
      const [address = '', bits] = network.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (bits === undefined) this.named.addAddress(address, family);
      else this.named.addSubnet(address, Number(bits), family);
    }
  }

  /** Reports whether connections to this IP address are allowed. Text that is not an address is refused. */
  allows(address: string): boolean {
    const family = isIP(address);
    if (family === 0) return false;
    return this.named.check(address, family === 6 ? 'ipv6' : 'ipv4') || !isPrivateAddress(address);
  }

  /**
   * Reports whether the host of a URL has only addresses that are refused. A name that does not resolve within two seconds is
   * not refused: it is checked again when a connection is made.
   */
  async refuses({ hostname }: URL): Promise<boolean> {
    const host = hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0) return !this.allows(host);
    if (LOCAL_NAME.test(host)) return !this.allows('127.0.0.1') && !this.allows('::1');
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<[]>((resolve) => (timer = setTimeout(() => resolve([]), LOOKUP_MS)));
    const found = await Promise.race([lookup(host, { all: true }).catch(() => []), tooLate]);
    clearTimeout(timer);
    return found.length > 0 && !found.some(({ address }) => this.allows(address));
  }
}
