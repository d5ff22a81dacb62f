/** Facts about the machine on which this edge runs. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';

/** Returns an id that is the same for all processes of one machine since it started; a container counts as a machine. */
export function machineId(): string {
  let boot = '';
  try {
    boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    // Other systems have no such file.
  }
  return createHash('sha256').update(`${boot} ${hostname()}`).digest('hex').slice(0, 32);
}

/** Returns an address of this machine that others can reach, in the form that goes before a port. */
export function ownHost(listenHost: string | undefined): string {
  if (listenHost !== undefined && !/^(0\.0\.0\.0|::)$/.test(listenHost)) return bracketed(listenHost);
  const addresses = Object.values(networkInterfaces()).flatMap((ofInterface) => ofInterface ?? []);
  const found =
    addresses.find((one) => one.family === 'IPv4' && isReachable(one)) ??
    addresses.find((one) => isReachable(one));
  return bracketed(found?.address ?? '127.0.0.1');
}

function isReachable({ internal, address }: { internal: boolean; address: string }): boolean {
  return !internal && !address.startsWith('fe80:');
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
