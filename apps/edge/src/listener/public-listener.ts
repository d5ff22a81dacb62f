import { X509Certificate } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import { Histogram } from '@culvert/measure';
import {
  certificateExpiry,
  type CertificateFiles,
  CertificateWatch,
  listenError,
  readCertificate,
  type Settings,
} from '@culvert/runtime';
import type { AcceptOptions } from '@culvert/relay';
import type { Logger } from 'pino';

/** Bytes of output held per visitor before its stream is paused. */
const SOCKET_BUFFER_BYTES = 131_072;
const TLS_HANDSHAKE_TIMEOUT_MS = 10_000;

export type ConnectionHandler = (socket: net.Socket, options: AcceptOptions) => void;

/**
 * The one public port. Listening and serving are two steps: the port is known before the parts that need it are
 * created, and connections that arrive in between wait.
 */
export class PublicListener {
  /** Times of TLS handshakes. */
  readonly handshakes = new Histogram([
    { name: 'protocol', values: ['http1', 'http2', 'none'] },
    { name: 'outcome', values: ['ok', 'failed'] },
  ]);
  private readonly waiting: net.Socket[] = [];
  private handler: ConnectionHandler | null = null;

  private constructor(
    private readonly server: net.Server,
    private readonly watch: CertificateWatch | null,
  ) {}

  /** Resolves once the port is open. @throws StartError if it is in use, or may not be opened */
  static async open(
    settings: Pick<Settings, 'listen'> & { readonly tls: CertificateFiles | null },
    log: Logger,
  ): Promise<PublicListener> {
    // The relay handles half-open connections; noDelay, because a response must not wait for an ACK.
    const options = {
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      highWaterMark: SOCKET_BUFFER_BYTES,
    };
    const { server, watch } = settings.tls
      ? secureServer(settings.tls, options, log)
      : { server: net.createServer(options), watch: null };
    const listener = new PublicListener(server, watch);
    if (watch === null) server.on('connection', (socket: net.Socket) => listener.accept(socket));
    else listener.shakeHands();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(settings.listen.port, settings.listen.host, resolve);
    }).catch((error: unknown) => {
      listener.close();
      throw listenError(error, 'PORT', settings.listen.port);
    });
    return listener;
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port;
  }

  /** When the certificate in use expires, in seconds since 1970; null without TLS. */
  get certificateExpiry(): number | null {
    if (this.watch === null) return null;
    return certificateExpiry(this.watch.current.cert);
  }

  /** Starts serving, beginning with the connections that waited. */
  serve(handler: ConnectionHandler): void {
    this.handler = handler;
    for (const socket of this.waiting.splice(0)) {
      if (!socket.destroyed) handler(socket, this.optionsOf(socket));
    }
  }

  /** Closes the port. Open connections stay open. */
  close(): void {
    this.watch?.stop();
    this.server.close();
    for (const socket of this.waiting.splice(0)) socket.destroy();
  }

  private shakeHands(): void {
    const began = new WeakMap<net.Socket, number>();
    const measure = (socket: net.Socket, protocol: string, outcome: string): void => {
      // Node keeps the socket below here, and without it there is no measurement.
      const { _parent: raw } = socket as { readonly _parent?: net.Socket };
      const at = raw && began.get(raw);
      if (at !== undefined) this.handshakes.observeAs([protocol, outcome], performance.now() - at);
    };
    this.server.on('connection', (socket: net.Socket) => began.set(socket, performance.now()));
    this.server.on('secureConnection', (socket: tls.TLSSocket) => {
      measure(socket, socket.alpnProtocol === 'h2' ? 'http2' : 'http1', 'ok');
      this.accept(socket);
    });
    // A failed handshake affects only its own client.
    this.server.on('tlsClientError', (_error: Error, socket: tls.TLSSocket) => {
      measure(socket, 'none', 'failed');
      socket.destroy();
    });
  }

  private optionsOf(socket: net.Socket): AcceptOptions {
    if (this.watch === null) return { isSecure: false };
    // Clients without ALPN have false here; they speak HTTP/1.1.
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

/** Creates a TLS server. Open connections keep the certificate with which they began. */
function secureServer(
  files: CertificateFiles,
  options: net.ServerOpts,
  log: Logger,
): { server: tls.Server; watch: CertificateWatch } {
  const certificate = readCertificate(files);
  const server = tls.createServer({
    ...options,
    ...certificate,
    ALPNProtocols: ['h2', 'http/1.1'],
    handshakeTimeout: TLS_HANDSHAKE_TIMEOUT_MS,
  });
  const watch = new CertificateWatch(files, certificate, {
    onChange: (changed) => {
      server.setSecureContext(changed);
      log.info({ validTo: new X509Certificate(changed.cert).validTo }, 'the certificate has changed');
    },
    onProblem: (error) =>
      log.error({ err: error }, 'the new certificate cannot be used, so the old one stays in use'),
  });
  return { server, watch };
}
