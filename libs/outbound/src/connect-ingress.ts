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
  /** SNI, and whom the certificate has to name: a DNS name or an address. */
  readonly name: string;
  /** Whether the certificate has to be valid. */
  readonly verify: boolean;
  /** What is offered. */
  readonly alpn: AlpnProtocol;
  /** Default: what Node trusts. */
  readonly secureContext?: SecureContext;
}

/**
 * Emits `connect`, or `secureConnect` for TLS, then carries bytes; half-open connections are kept. `onData` gets what
 * arrives, never before this returned.
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
  // `tls.connect` takes `noDelay` and does nothing with it: small writes would wait for the ingress's delayed ACK.
  socket.once('connect', () => socket.setNoDelay(true));
  return socket.on('data', onData);
}
