import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import type { Settings } from '@culvert/platform';
import type { AcceptOptions } from '@culvert/relay';

/** Bytes of output held per visitor before its stream is paused. */
const SOCKET_BUFFER_BYTES = 131_072;
const TLS_HANDSHAKE_TIMEOUT_MS = 10_000;

export type ConnectionHandler = (socket: net.Socket, options: AcceptOptions) => void;

/**
 * The one public port. Listening and serving are two steps: the port is known before the parts that need to
 * know it are made, and connections that come in between wait.
 */
export class PublicListener {
  private readonly waiting: net.Socket[] = [];
  private handler: ConnectionHandler | null = null;

  private constructor(
    private readonly server: net.Server,
    private readonly isSecure: boolean,
  ) {}

  /** Resolves once the port is open; rejects when it cannot be. */
  static async open(settings: Pick<Settings, 'listen' | 'tls'>): Promise<PublicListener> {
    // Half-open connections are the relay's business; noDelay, because a response must not wait for an ACK.
    const options = {
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      highWaterMark: SOCKET_BUFFER_BYTES,
    };
    const server = settings.tls
      ? tls.createServer({
          ...options,
          cert: readFileSync(settings.tls.certFile),
          key: readFileSync(settings.tls.keyFile),
          ALPNProtocols: ['h2', 'http/1.1'],
          handshakeTimeout: TLS_HANDSHAKE_TIMEOUT_MS,
        })
      : net.createServer(options);
    const listener = new PublicListener(server, settings.tls !== null);
    server.on(settings.tls ? 'secureConnection' : 'connection', (socket: net.Socket) =>
      listener.accept(socket),
    );
    // A handshake that fails concerns only the one who began it.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(settings.listen.port, settings.listen.host, resolve);
    });
    return listener;
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port;
  }

  /** Begins to serve, first the connections that waited. */
  serve(handler: ConnectionHandler): void {
    this.handler = handler;
    for (const socket of this.waiting.splice(0)) {
      if (!socket.destroyed) handler(socket, this.optionsOf(socket));
    }
  }

  /** Closes the port. Connections that are open stay open. */
  close(): void {
    this.server.close();
    for (const socket of this.waiting.splice(0)) socket.destroy();
  }

  private optionsOf(socket: net.Socket): AcceptOptions {
    if (!this.isSecure) return { isSecure: false };
    // Clients without ALPN, which have false here, speak HTTP/1.1.
    const protocol = (socket as tls.TLSSocket).alpnProtocol === 'h2' ? 'h2' : 'http/1.1';
    return { isSecure: true, protocol };
  }

  private accept(socket: net.Socket): void {
    if (this.handler) {
      this.handler(socket, this.optionsOf(socket));
    } else {
      socket.on('error', () => socket.destroy());
      this.waiting.push(socket);
    }
  }
}
