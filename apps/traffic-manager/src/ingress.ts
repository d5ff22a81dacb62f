/** Decides which ingresses to connect to, and connects. */
import { lookup as resolve } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import { isIP, isIPv6 } from 'node:net';
import type { LookupFunction, Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { SecureContext } from 'node:tls';
import { connectIngress, FORBIDDEN_ADDRESS, type IngressTls } from '@culvert/outbound';
import type { StreamTarget } from '@culvert/tunnel';
import type { AllowList, Refusal } from './allow-list.js';

export interface IngressOptions {
  readonly allowList: AllowList;
  /** PEM certificates to trust in addition to the built-in ones, or null. */
  readonly extraCa: string | null;
}

export class IngressDialer {
  private readonly secureContext: SecureContext;

  constructor(private readonly options: IngressOptions) {
    this.secureContext = createSecureContext();
    if (options.extraCa !== null) {
      // The context already trusts the built-in authorities; the `ca` option would replace them.
      for (const certificate of splitPem(options.extraCa)) this.secureContext.context.addCACert(certificate);
    }
  }

  /**
   * Returns why `target` must not be tried at all, for people; null if it may be. Addresses of a name are judged once they
   * are known.
   */
  refusalOf({ host, port }: StreamTarget): string | null {
    const { allowList } = this.options;
    if (!allowList.mayAllow(host, port))
      return `${ruleFor(host, port)} is not allowed by this traffic manager: add the rule --allow ${ruleFor(host, port)}`;
    if (isIP(host) === 0) return null;
    const refusal = allowList.refusalOf(host, host, port);
    return refusal === null ? null : explain(host, port, [{ address: host, refusal }]);
  }

  /**
   * Emits `connect`, or `secureConnect` for TLS, then carries bytes; half-open connections are kept. `onData` receives
   * incoming bytes, never before this function has returned.
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

  /** Keeps the allowed addresses of a name, so that the judged addresses are the ones connected to. */
  private lookupFor({ host, port }: StreamTarget): LookupFunction {
    const { allowList } = this.options;
    return (hostname, options, callback) => {
      resolve(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
        if (error) return callback(error, '', 0);
        const allowed: LookupAddress[] = [];
        const refused: Refused[] = [];
        for (const each of found) {
          const refusal = allowList.refusalOf(host, each.address, port);
          if (refusal === null) allowed.push(each);
          else refused.push({ address: each.address, refusal });
        }
        const first = allowed[0];
        if (first === undefined) return callback(forbidden(explain(host, port, refused)), '', 0);
        if (options.all) callback(null, allowed);
        else callback(null, first.address, first.family);
      });
    };
  }
}

interface Refused {
  readonly address: string;
  readonly refusal: Refusal;
}

/** Explains why none of its addresses may be connected to, and what the operator of the traffic manager can do. */
function explain(host: string, port: number, refused: readonly Refused[]): string {
  const special = refused.find(({ refusal }) => refusal !== 'outside');
  if (special === undefined)
    return `no address of ${host} is allowed by this traffic manager: add the rule --allow ${ruleFor(host, port)}`;
  const { address, refusal } = special;
  const subject = address === host ? address : `${host} resolves to ${address}, which`;
  return `${subject} is ${refusal} address: to connect to it, start this traffic manager with --allow ${ruleFor(address, port)}, and with rules for all other targets`;
}

/** Returns the rule of `--allow` that permits exactly this target. */
function ruleFor(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

function forbidden(message: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(message);
  error.code = FORBIDDEN_ADDRESS;
  return error;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function splitPem(pem: string): string[] {
  return pem.match(CERTIFICATE) ?? [];
}
