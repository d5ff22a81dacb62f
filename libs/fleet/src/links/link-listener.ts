/** Accepts connections of other edges. Nothing that they send is interpreted before they have proven themselves. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { type AddressInfo, createServer as createNetServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from 'node:tls';
import type { LinkProof } from './link-credentials.js';
import type { RefusalCause } from './link-failure.js';

/** Limits on connections that are pending: those on which no link is open yet. */
export interface LinkListenerLimits {
  /** At once, of all addresses. */
  readonly maxPending: number;
  /** At once, of one address. */
  readonly maxPendingPerAddress: number;
  /** From the connection to the end of the handshake of the tunnel protocol, in milliseconds. */
  readonly handshakeTimeoutMs: number;
}

export const DEFAULT_LISTENER_LIMITS: LinkListenerLimits = {
  maxPending: 256,
  maxPendingPerAddress: 32,
  handshakeTimeoutMs: 5000,
};

/** Length of the keys with which a TLS server of Node protects its session tickets. */
const TICKET_KEYS_BYTES = 48;

/** In place of the address of a peer that is connected by a Unix socket. */
export const LOCAL = 'local';

/** A connection whose peer has proven that it is an edge, or that it runs as this user on this machine. */
export interface ProvenConnection {
  readonly socket: Socket;
  /** Address of the peer, or `LOCAL`. */
  readonly remoteAddress: string;
  /** Ends its counting as pending: a link is open on it, or it is over. May be called more than once. */
  readonly settle: () => void;
}

export interface LinkListenerOptions {
  /** Null: edges of other machines cannot connect. */
  readonly proof: LinkProof | null;
  readonly limits?: LinkListenerLimits;
  onConnection(connection: ProvenConnection): void;
  /** A connection was refused. `detail` contains no secret and nothing that the peer sent. */
  onRefused(remoteAddress: string, cause: RefusalCause, detail: string): void;
}

/** A connection that is pending. */
interface Pending {
  readonly socket: Socket;
  readonly remoteAddress: string;
  readonly timer: NodeJS.Timeout;
}

export class LinkListener {
  private readonly limits: LinkListenerLimits;
  private readonly servers: Server[] = [];
  private readonly tlsServer: TlsServer | null;
  /** By address and port of the peer. */
  private readonly pending = new Map<string, Pending>();
  private readonly perAddress = new Map<string, number>();
  private localCount = 0;
  /** Connections whose peer named a secret that this edge does not accept. */
  private readonly strangers = new WeakSet<Socket>();

  constructor(private readonly options: LinkListenerOptions) {
    this.limits = options.limits ?? DEFAULT_LISTENER_LIMITS;
    this.tlsServer = options.proof === null ? null : this.createTls(options.proof);
  }

  /** Applies credentials that were replaced to connections that arrive from now on. */
  refresh(): void {
    const { proof } = this.options;
    // Secrets are looked up at each connection; certificates are kept by the server.
    if (proof?.kind === 'certificates') this.tlsServer?.setSecureContext(proof.server);
    // A ticket of an earlier connection would be accepted without a look at the credentials.
    this.tlsServer?.setTicketKeys(randomBytes(TICKET_KEYS_BYTES));
  }

  /** How many connections are pending. */
  get pendingCount(): number {
    return this.pending.size;
  }

  /** Listens for edges of other machines. Resolves with the port; rejects if it is taken. */
  async listen(port: number, host?: string): Promise<number> {
    const { tlsServer } = this;
    if (tlsServer === null) throw new Error('links to other machines need credentials');
    const server = createNetServer((socket) => {
      const { remoteAddress = 'unknown', remotePort = 0 } = socket;
      if (this.admit(socket, remoteAddress, keyOf(remoteAddress, remotePort)))
        tlsServer.emit('connection', socket);
    });
    await this.open(server, host === undefined ? { port } : { port, host });
    return (server.address() as AddressInfo).port;
  }

  /** Listens for edges of this machine, at a path in a private directory. */
  async listenLocally(path: string): Promise<void> {
    const server = createNetServer((socket) => {
      const key = keyOf(LOCAL, ++this.localCount);
      if (this.admit(socket, LOCAL, key)) this.handleProven(socket, LOCAL, key);
    });
    await this.open(server, { path });
    chmodSync(path, 0o600);
  }

  /** Accepts no further connections, and ends those that are pending. */
  close(): void {
    for (const server of this.servers.splice(0)) server.close();
    for (const [key, { socket }] of this.pending) {
      this.settle(key);
      socket.destroy();
    }
  }

  private async open(server: Server, at: { path: string } | { port: number; host?: string }): Promise<void> {
    // Workers of one edge share its public port, and nothing else: each has links of its own.
    server.listen({ ...at, exclusive: true });
    await once(server, 'listening');
    server.on('error', (error) => this.options.onRefused('unknown', 'cannot_accept', error.message));
    this.servers.push(server);
  }

  private createTls(proof: LinkProof): TlsServer {
    const { pskCallback } = proof.server;
    const tls = createTlsServer({
      ...proof.server,
      ...(pskCallback && {
        pskCallback: (socket: TLSSocket, identity: string) => {
          const key = proof.server.pskCallback?.(socket, identity) ?? null;
          if (key === null) this.strangers.add(socket);
          return key;
        },
      }),
      handshakeTimeout: this.limits.handshakeTimeoutMs,
    });
    tls.on('secureConnection', (socket) => {
      const { remoteAddress = 'unknown', remotePort = 0 } = socket;
      this.handleProven(socket, remoteAddress, keyOf(remoteAddress, remotePort));
    });
    tls.on('tlsClientError', (error, socket) => {
      const cause = this.strangers.has(socket) ? 'secrets_differ' : 'no_proof';
      this.options.onRefused(socket.remoteAddress ?? 'unknown', cause, codeOf(error));
      socket.destroy();
    });
    return tls;
  }

  private handleProven(socket: Socket, remoteAddress: string, key: string): void {
    if (!this.pending.has(key)) {
      socket.destroy();
      return;
    }
    this.options.onConnection({ socket, remoteAddress, settle: () => this.settle(key) });
  }

  /** Counts a connection as pending, or refuses it and returns false if there are too many. */
  private admit(socket: Socket, remoteAddress: string, key: string): boolean {
    const { maxPending, maxPendingPerAddress, handshakeTimeoutMs } = this.limits;
    const ofAddress = this.perAddress.get(remoteAddress) ?? 0;
    socket.on('error', ignore);
    if (this.pending.size >= maxPending || ofAddress >= maxPendingPerAddress) {
      socket.destroy();
      this.options.onRefused(remoteAddress, 'too_many', 'too many connections are pending');
      return false;
    }
    const timer = setTimeout(() => {
      this.settle(key);
      socket.destroy();
      this.options.onRefused(remoteAddress, 'too_slow', 'the handshake took too long');
    }, handshakeTimeoutMs);
    this.pending.set(key, { socket, remoteAddress, timer });
    this.perAddress.set(remoteAddress, ofAddress + 1);
    socket.once('close', () => this.settle(key));
    return true;
  }

  private settle(key: string): void {
    const pending = this.pending.get(key);
    if (pending === undefined) return;
    const { remoteAddress, timer } = pending;
    this.pending.delete(key);
    clearTimeout(timer);
    const left = (this.perAddress.get(remoteAddress) ?? 1) - 1;
    if (left <= 0) this.perAddress.delete(remoteAddress);
    else this.perAddress.set(remoteAddress, left);
  }
}

function ignore(): void {
  // `close` follows, which ends the counting.
}

function keyOf(remoteAddress: string, port: number): string {
  return `${remoteAddress} ${port}`;
}

/** Returns OpenSSL's code of a failed handshake: its messages may quote the peer. */
function codeOf(error: NodeJS.ErrnoException): string {
  return /^[A-Z][A-Z0-9_]{0,80}$/.exec(error.code ?? '')?.[0] ?? 'unknown';
}
