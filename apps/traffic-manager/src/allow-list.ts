/**
 * Decides which ingress targets a manager may connect to: names by rule, addresses after resolution. Special addresses
 * (special-address.ts) need a rule of their own.
 */
import { BlockList, isIP } from 'node:net';
import { ConfigurationError } from '@culvert/runtime';
import { isSpecialRange, specialKind, type SpecialKind } from './special-address.js';

interface NameRule {
  /** In lower case; begins with a dot if it covers every name that ends with it. */
  readonly name: string;
  readonly port: number | null;
}

interface AddressRule {
  readonly addresses: BlockList;
  readonly port: number | null;
  /** Whether it also covers special addresses: it names nothing else. */
  readonly isSpecial: boolean;
}

/** Why an address must not be connected to: it is special, or no rule covers it. */
export type Refusal = SpecialKind | 'outside';

export class AllowList {
  private readonly names: NameRule[] = [];
  private readonly addresses: AddressRule[] = [];
  private readonly allowsAll: boolean;

  /**
   * Rules are `HOST`, `*.SUFFIX`, an address or a CIDR range, each with an optional `:PORT`; IPv6 with a port needs
   * brackets. Without rules, all but special addresses are allowed. A special address needs a rule that names only special
   * addresses or ranges; loopback also a rule for the name `localhost`, or one below it. Throws ConfigurationError on an
   * invalid rule.
   */
  constructor(rules: readonly string[]) {
    this.allowsAll = rules.length === 0;
    for (const rule of rules) this.add(rule);
  }

  /** Reports whether `host` may be looked up at all: some of its addresses may be allowed. */
  mayAllow(host: string, port: number): boolean {
    return this.allowsName(host, port) || this.addresses.some((rule) => portFits(rule, port));
  }

  /**
   * Returns why `address` must not be connected to; null if it may.
   * @param host the name that resolved to it, or the address itself
   */
  refusalOf(host: string, address: string, port: number): Refusal | null {
    const kind = specialKind(address);
    const isNamed = kind === null ? this.allowsName(host, port) : this.namesLoopback(host, port, kind);
    if (isNamed || this.allowsAddress(address, port, { mustBeSpecial: kind !== null })) return null;
    return kind ?? 'outside';
  }

  private allowsName(host: string, port: number): boolean {
    return this.allowsAll || (isIP(host) === 0 && this.nameRuleFor(host, port));
  }

  /** RFC 6761 §6.3: these names are loopback. A rule that names them allows it. */
  private namesLoopback(host: string, port: number, kind: SpecialKind): boolean {
    return kind === 'a loopback' && /(^|\.)localhost\.?$/i.test(host) && this.nameRuleFor(host, port);
  }

  private nameRuleFor(host: string, port: number): boolean {
    const name = host.toLowerCase().replace(/\.$/, '');
    return this.names.some(
      (rule) =>
        portFits(rule, port) && (rule.name.startsWith('.') ? name.endsWith(rule.name) : name === rule.name),
    );
  }

  private allowsAddress(
    address: string,
    port: number,
    { mustBeSpecial }: { readonly mustBeSpecial: boolean },
  ): boolean {
    const [withoutZone = ''] = address.split('%');
    const type = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    return this.addresses.some(
      (rule) =>
        portFits(rule, port) && (rule.isSpecial || !mustBeSpecial) && rule.addresses.check(withoutZone, type),
    );
  }

  private add(rule: string): void {
    const { host, port } = splitPort(rule);
    const [address, prefix] = splitOnce(host, '/');
    const family = isIP(address);
    if (family !== 0) {
      const bits = prefixOf(rule, family, prefix);
      const addresses = range(address, family, bits);
      this.addresses.push({ addresses, port, isSpecial: isSpecialRange(address, bits) });
    } else if (/^(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/i.test(host)) {
      this.names.push({ name: host.toLowerCase().replace(/^\*/, ''), port });
    } else {
      throw unreadable(rule);
    }
  }
}

function prefixOf(rule: string, family: number, prefix: string | undefined): number {
  const max = family === 6 ? 128 : 32;
  if (prefix === undefined) return max;
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > max) throw unreadable(rule);
  return Number(prefix);
}

function range(address: string, family: number, prefix: number): BlockList {
  const addresses = new BlockList();
  addresses.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4');
  return addresses;
}

function splitPort(rule: string): { host: string; port: number | null } {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(rule);
  // A plain name or IPv4 range holds no other colon; IPv6 without brackets has no port.
  const match = bracketed ?? /^([^:[\]]+)(?::(\d{1,5}))?$/.exec(rule);
  if (match === null) return { host: rule, port: null };
  const port = match[2] === undefined ? null : Number(match[2]);
  if (port !== null && (port < 1 || port > 65_535)) throw unreadable(rule);
  return { host: match[1], port };
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function portFits(rule: { readonly port: number | null }, port: number): boolean {
  return rule.port === null || rule.port === port;
}

function unreadable(rule: string): ConfigurationError {
  return new ConfigurationError(
    `CULVERT_ALLOW (--allow): "${rule}" is not a host name, *.suffix, address or CIDR range, with an optional :port`,
  );
}
