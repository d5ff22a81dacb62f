/** Opens the connection that a stream asks for: TCP, or TLS on top. */
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type SecureContext } from 'node:tls';
import { readBeforeFailing, sharedReads } from '@culvert/sockets';
import type { AlpnProtocol } from '@culvert/tunnel';

export interface IngressConnection {
  readonly host: string;
  readonly port: number;
  /** Null: no TLS. */
  readonly tls: IngressTls | null;
  readonly lookup?: LookupFunction | undefined;
}

export interface IngressTls {
  /** SNI, and the name that the certificate must have: a DNS name or an address. */
  readonly name: string;
  /** Whether the certificate has to be valid. */
  readonly verify: boolean;
  /** Protocols offered. */
  readonly alpn: AlpnProtocol;
  /** Certificates to trust. Default: those that Node trusts. */
  readonly secureContext?: SecureContext;
}

/**
 * Emits `connect`, or `secureConnect` for TLS, then carries bytes; half-open connections are kept. `onData` receives the
 * bytes that arrive, never before this function has returned.
 */
export function connectIngress(
  { host, port, tls, lookup }: IngressConnection,
  onData: (chunk: Buffer) => void,
): Socket {
  const options = { host, port, allowHalfOpen: true, autoSelectFamily: true, noDelay: true, lookup };
  if (tls === null) return readBeforeFailing(connectTcp({ ...options, onread: sharedReads(onData) }));
  const socket = connectTls({
    ...options,
    // RFC 6066 §3: SNI names a DNS host, never an address.
    servername: isIP(tls.name) === 0 ? tls.name : '',
    checkServerIdentity: (_hostname, certificate) => checkServerIdentity(tls.name, certificate),
    rejectUnauthorized: tls.verify,
    ALPNProtocols: [tls.alpn],
    ...(tls.secureContext && { secureContext: tls.secureContext }),
  });
  // `tls.connect` accepts `noDelay` but ignores it: small writes would wait for the ingress's delayed ACK.
  socket.once('connect', () => socket.setNoDelay(true));
  return socket.on('data', onData);
}
