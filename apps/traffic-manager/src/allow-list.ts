/** Which ingress targets a manager may connect to: names by rule, addresses after resolution. */
import { BlockList, isIP } from 'node:net';
import { ConfigurationError } from '@culvert/process';

interface NameRule {
  /** Lower-case; begins with a dot when it covers every name that ends with it. */
  readonly name: string;
  readonly port: number | null;
}

interface AddressRule {
  readonly addresses: BlockList;
  readonly port: number | null;
}

/** `name`: the host is allowed by its name. `address`: it depends on where the name leads. */
export type Verdict = 'name' | 'address' | 'forbidden';

export class AllowList {
  private readonly names: NameRule[] = [];
  private readonly addresses: AddressRule[] = [];
  private readonly allowsAll: boolean;

  /**
   * Rules are `HOST`, `*.SUFFIX`, an address or a CIDR range, each with an optional `:PORT`; IPv6 with a port
   * stands in brackets. No rule at all allows everything. Throws ConfigurationError on a rule it cannot read.
   */
  constructor(rules: readonly string[]) {
    this.allowsAll = rules.length === 0;
    for (const rule of rules) this.add(rule);
  }

  judge(host: string, port: number): Verdict {
    if (this.allowsAll) return 'name';
    const name = host.toLowerCase().replace(/\.$/, '');
    const matches = this.names.some(
      (rule) =>
        portFits(rule, port) && (rule.name.startsWith('.') ? name.endsWith(rule.name) : name === rule.name),
    );
    if (matches && isIP(host) === 0) return 'name';
    return this.addresses.some((rule) => portFits(rule, port)) ? 'address' : 'forbidden';
  }

  /** Whether an address rule covers `address`. */
  allowsAddress(address: string, port: number): boolean {
    const family = isIP(address);
    if (family === 0) return false;
    return this.addresses.some(
      (rule) => portFits(rule, port) && rule.addresses.check(address, family === 6 ? 'ipv6' : 'ipv4'),
    );
  }

  private add(rule: string): void {
    const { host, port } = splitPort(rule);
    const [address, prefix] = splitOnce(host, '/');
    const family = isIP(address);
    if (family !== 0) {
      this.addresses.push({ addresses: range(rule, address, family, prefix), port });
    } else if (/^(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/i.test(host)) {
      this.names.push({ name: host.toLowerCase().replace(/^\*/, ''), port });
    } else {
      throw unreadable(rule);
    }
  }
}

function range(rule: string, address: string, family: number, prefix: string | undefined): BlockList {
  const addresses = new BlockList();
  const type = family === 6 ? 'ipv6' : 'ipv4';
  const bits = prefix === undefined ? null : Number(prefix);
  if (bits === null) {
    addresses.addAddress(address, type);
  } else {
    if (!/^\d{1,3}$/.test(prefix!) || bits > (family === 6 ? 128 : 32)) throw unreadable(rule);
    addresses.addSubnet(address, bits, type);
  }
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
