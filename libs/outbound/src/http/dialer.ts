/** Opens connections to origins: directly or through the proxy of the environment, with TLS for `https:`. */
import { lookup as resolve, type LookupAddress, type LookupOptions } from 'node:dns';
import { once } from 'node:events';
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { proxyOf } from '../proxy.js';
import type { HttpClientOptions } from './http-options.js';
import { HttpError, reasonOf } from './http-error.js';
import { AllowedNetworks } from './allowed-networks.js';
import { openProxyTunnel } from './proxy-tunnel.js';

export type HttpProtocol = 'h2' | 'http/1.1';

export type DialerOptions = Pick<
  HttpClientOptions,
  'ca' | 'connectTimeoutMs' | 'allowPrivateAddresses' | 'allowedNetworks'
>;

/** The failed step, for people. */
const STEPS = { connect: 'no connection', tls: 'no TLS', proxy: 'the proxy cannot be reached' } as const;

const PUBLIC_ONLY = new AllowedNetworks();

const LOCAL_NAME = /\.localhost\.?$/i;

/** One connection that is being opened. */
interface Attempt {
  /** Kind of error when this step fails. */
  kind: 'connect' | 'tls' | 'proxy';
  /** Whether the attempt has ended, so that its sockets are no longer needed. */
  isOver: boolean;
  readonly sockets: Socket[];
}

export class Dialer {
  /** The function that ends each attempt under way. */
  private readonly attempts = new Set<(error: HttpError) => void>();

  constructor(private readonly options: DialerOptions) {}

  /**
   * Opens a connection to `origin`. A socket with TLS has agreed on one of `protocols`, or on none, which means HTTP/1.1.
   * Rejects with an HttpError.
   */
  async dial(origin: URL, protocols: readonly HttpProtocol[]): Promise<Socket | TLSSocket> {
    const attempt: Attempt = { kind: 'connect', isOver: false, sockets: [] };
    const { connectTimeoutMs } = this.options;
    let end!: (error: HttpError) => void;
    const ended = new Promise<never>((_resolve, reject) => (end = reject));
    this.attempts.add(end);
    const timer = setTimeout(() => {
      const message = `${origin.origin} did not accept a connection within ${connectTimeoutMs} ms`;
      end(new HttpError('timeout', message));
    }, connectTimeoutMs);
    try {
      return await Promise.race([this.open(origin, protocols, attempt), ended]);
    } catch (error) {
      attempt.isOver = true;
      for (const socket of attempt.sockets) socket.destroy();
      throw error instanceof HttpError ? error : failureOf(origin, attempt.kind, error);
    } finally {
      clearTimeout(timer);
      this.attempts.delete(end);
    }
  }

  private get ca(): string[] | undefined {
    const { ca } = this.options;
    return ca === undefined ? undefined : [ca].flat();
  }

  /** Ends attempts under way, which then reject. */
  stop(): void {
    for (const end of this.attempts) end(new HttpError('connect', 'the client has stopped connecting'));
  }

  private async open(
    origin: URL,
    protocols: readonly HttpProtocol[],
    attempt: Attempt,
  ): Promise<Socket | TLSSocket> {
    const host = hostOf(origin);
    const { allowPrivateAddresses, allowedNetworks = PUBLIC_ONLY } = this.options;
    const { ca } = this;
    if (!allowPrivateAddresses && isIP(host) !== 0 && !allowedNetworks.allows(host)) throw forbidden(origin);
    const target = {
      // RFC 6761 §6.3: names below localhost are this machine. Resolvers of many systems do not know them.
      host: LOCAL_NAME.test(host) ? 'localhost' : host,
      port: portOf(origin),
      autoSelectFamily: true,
      ...(!allowPrivateAddresses && { lookup: lookupAllowed(origin, allowedNetworks) }),
    };
    const tunnel = await this.openTunnel(origin, target.port, attempt);
    if (origin.protocol === 'http:') {
      if (tunnel !== undefined) return tunnel;
      const socket = keep(connectTcp({ ...target, noDelay: true }), attempt);
      await once(socket, 'connect');
      return socket;
    }
    const secure = connectTls({
      ...target,
      socket: tunnel,
      // RFC 6066 §3: SNI names a DNS host, never an address. Without it, the certificate has to name `host`.
      servername: isIP(host) === 0 ? host : '',
      ALPNProtocols: [...protocols],
      ca,
    });
    keep(secure, attempt);
    // `tls.connect` accepts `noDelay` but ignores it.
    secure.once('connect', () => {
      secure.setNoDelay(true);
      attempt.kind = 'tls';
    });
    if (tunnel !== undefined) {
      attempt.kind = 'tls';
      // HTTP/2 sessions are for the origin of their socket (RFC 8336 §2.3), which is not the proxy.
      Object.defineProperty(secure, 'remotePort', { value: target.port });
    }
    await once(secure, 'secureConnect');
    return secure;
  }

  /** Opens a connection to the origin through the proxy; undefined without a proxy. */
  private async openTunnel(origin: URL, port: number, attempt: Attempt): Promise<Socket | undefined> {
    const proxy = this.proxyTo(origin);
    if (proxy === null) return undefined;
    attempt.kind = 'proxy';
    const authority = `${origin.hostname}:${port}`;
    return openProxyTunnel(new URL(proxy), authority, this.ca, (socket) => keep(socket, attempt));
  }

  private proxyTo(origin: URL): string | null {
    try {
      return proxyOf(origin);
    } catch (error) {
      throw new HttpError('proxy', (error as Error).message, { cause: error });
    }
  }
}

/** Adds a socket to its attempt. Its errors are reported where it is used, and ignored where it is not. */
function keep<S extends Socket>(socket: S, { sockets, isOver }: Attempt): S {
  sockets.push(socket);
  socket.on('error', () => {});
  if (isOver) socket.destroy();
  return socket;
}

/** The host of a URL as sockets take it: IPv6 addresses without their brackets. */
function hostOf({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

function portOf({ port, protocol }: URL): number {
  if (port !== '') return Number(port);
  return protocol === 'https:' ? 443 : 80;
}

function forbidden({ origin }: URL): HttpError {
  return new HttpError(
    'forbidden-address',
    `${origin} has a private address, to which connections are not allowed`,
  );
}

/** Resolves a name to its allowed addresses. Node connects to what this returns and resolves nothing again. */
function lookupAllowed(origin: URL, networks: AllowedNetworks): LookupFunction {
  return (hostname, options: LookupOptions, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error) return callback(error, []);
      const usable = addresses.filter(({ address }) => networks.allows(address));
      const [first] = usable;
      if (first === undefined) return callback(forbidden(origin), []);
      if (options.all) return callback(null, usable);
      return callback(null, first.address, first.family);
    });
  };
}

function failureOf({ origin }: URL, kind: Attempt['kind'], cause: unknown): HttpError {
  const reason = reasonOf(cause);
  const isName = /^(ENOTFOUND|ENODATA|EAI_)/.test((cause as NodeJS.ErrnoException).code ?? '');
  if (kind === 'connect' && isName)
    return new HttpError('name', `${origin} is not found: ${reason}`, { cause });
  return new HttpError(kind, `${origin}: ${STEPS[kind]}: ${reason}`, { cause });
}
