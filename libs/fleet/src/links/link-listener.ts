/** Accepts connections of other edges. Nothing that they send is interpreted before they have proven themselves. */
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { type AddressInfo, createServer as createNetServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import type { LinkTls } from './link-credentials.js';

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

/** A connection whose peer has proven that it is an edge, or that it runs as this user on this machine. */
export interface ProvenConnection {
  readonly socket: Socket;
  /** Address of the peer; `local` for a Unix socket. */
  readonly remoteAddress: string;
  /** Ends its counting as pending: a link is open on it, or it is over. May be called more than once. */
  readonly settle: () => void;
}

export interface LinkListenerOptions {
  /** Null: edges of other machines cannot connect. */
  readonly tls: LinkTls | null;
  readonly limits?: LinkListenerLimits;
  onConnection(connection: ProvenConnection): void;
  /** A connection was refused. `reason` contains no secret and nothing that the peer sent. */
  onRefused(remoteAddress: string, reason: string): void;
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

  constructor(private readonly options: LinkListenerOptions) {
    this.limits = options.limits ?? DEFAULT_LISTENER_LIMITS;
    this.tlsServer = options.tls === null ? null : this.createTls(options.tls);
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
      const key = keyOf('local', ++this.localCount);
      if (this.admit(socket, 'local', key)) this.handleProven(socket, 'local', key);
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
    server.on('error', (error) => this.options.onRefused('listener', error.message));
    this.servers.push(server);
  }

  private createTls({ server }: LinkTls): TlsServer {
    const tls = createTlsServer({ ...server, handshakeTimeout: this.limits.handshakeTimeoutMs });
    tls.on('secureConnection', (socket) => {
      const { remoteAddress = 'unknown', remotePort = 0 } = socket;
      this.handleProven(socket, remoteAddress, keyOf(remoteAddress, remotePort));
    });
    tls.on('tlsClientError', (error, socket) => {
      this.options.onRefused(socket.remoteAddress ?? 'unknown', reasonOf(error));
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
      this.options.onRefused(remoteAddress, 'too many connections are pending');
      return false;
    }
    const timer = setTimeout(() => {
      this.settle(key);
      socket.destroy();
      this.options.onRefused(remoteAddress, 'the handshake took too long');
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

/** Describes a failed handshake by OpenSSL's code alone: its messages may quote the peer. */
function reasonOf(error: NodeJS.ErrnoException): string {
  const code = /^[A-Z][A-Z0-9_]{0,80}$/.exec(error.code ?? '')?.[0] ?? 'unknown';
  return `the connection did not prove itself (${code})`;
}
