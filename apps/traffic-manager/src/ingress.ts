/** Which ingresses may be connected to, and how. */
import { lookup as resolve } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import type { LookupFunction, Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { SecureContext } from 'node:tls';
import { connectIngress, FORBIDDEN_ADDRESS, type IngressTls } from '@culvert/outbound';
import type { StreamTarget } from '@culvert/tunnel';
import type { AllowList } from './allow-list.js';

export interface IngressOptions {
  readonly allowList: AllowList;
  /** PEM certificates that are trusted beside the built-in ones, or null. */
  readonly extraCa: string | null;
}

export class IngressDialler {
  private readonly secureContext: SecureContext;

  constructor(private readonly options: IngressOptions) {
    this.secureContext = createSecureContext();
    if (options.extraCa !== null) {
      // The context already trusts the built-in authorities; the `ca` option would replace them.
      for (const certificate of splitPem(options.extraCa)) this.secureContext.context.addCACert(certificate);
    }
  }

  /** Whether `target` may be tried at all. Its addresses are judged once they are known. */
  mayDial(target: StreamTarget): boolean {
    const verdict = this.options.allowList.judge(target.host, target.port);
    if (verdict !== 'address' || isIP(target.host) === 0) return verdict !== 'forbidden';
    return this.options.allowList.allowsAddress(target.host, target.port);
  }

  /**
   * Emits `connect`, or `secureConnect` for TLS, then carries bytes; half-open connections are kept. `onData` gets
   * what arrives, never before this returned.
   */
  dial(target: StreamTarget, onData: (chunk: Buffer) => void): Socket {
    // RFC 6066 §3: without a trailing dot.
    const name = (target.serverName === '' ? target.host : target.serverName).replace(/\.$/, '');
    const tls: IngressTls = {
      name,
      verify: target.verifyTls,
      alpn: target.alpn ?? 'http/1.1',
      secureContext: this.secureContext,
    };
    const { host, port } = target;
    const lookup = this.lookupFor(target);
    return connectIngress({ host, port, tls: target.tls ? tls : null, lookup }, onData);
  }

  /** Keeps of a name's addresses those that are allowed: what was judged is what gets connected. */
  private lookupFor(target: StreamTarget): LookupFunction | undefined {
    const { allowList } = this.options;
    if (allowList.judge(target.host, target.port) !== 'address') return undefined;
    return (hostname, options, callback) => {
      resolve(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
        if (error) return callback(error, '', 0);
        const allowed = found.filter(({ address }) => allowList.allowsAddress(address, target.port));
        const first = allowed[0];
        if (first === undefined) return callback(forbidden(hostname), '', 0);
        if (options.all) callback(null, allowed);
        else callback(null, first.address, first.family);
      });
    };
  }
}

function forbidden(hostname: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(
    `no address of ${hostname} is allowed by this traffic manager`,
  );
  error.code = FORBIDDEN_ADDRESS;
  return error;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function splitPem(pem: string): string[] {
  return pem.match(CERTIFICATE) ?? [];
}
