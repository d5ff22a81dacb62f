/**
 * A forward proxy as used in companies: it joins connections by CONNECT (RFC 9110 §9.3.6). It can refuse to, and can decrypt what
 * passes.
 */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, TLSSocket } from 'node:tls';
import type { TestCertificate } from './certificate.js';

const refuse: RequestListener = (_request, response) => void response.writeHead(400).end();

export class ConnectProxy {
  /** `host:port` of every CONNECT. */
  readonly asked: string[] = [];
  /** Credentials sent with each. */
  readonly credentials: (string | undefined)[] = [];
  /** Status of the response; 200 joins. */
  status = 200;
  /** Names that the proxy alone can resolve, with their addresses. */
  readonly names = new Map<string, string>();
  /** Certificate with which it takes the place of every server, whose TLS it decrypts; null: it passes TLS on. */
  interceptsWith: TestCertificate | null = null;
  private readonly sockets = new Set<Duplex>();

  private constructor(
    private readonly server: Server,
    private readonly scheme: 'http' | 'https',
  ) {
    server.on('connect', ({ url = '', headers }, socket: Socket) => {
      this.asked.push(url);
      this.credentials.push(headers['proxy-authorization']);
      this.keep(socket);
      if (this.status === 200) this.join(socket, url);
      else socket.end(`HTTP/1.1 ${this.status} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    });
  }

  /** @param certificate with it, the proxy itself is reached by TLS */
  static async start(certificate?: TestCertificate): Promise<ConnectProxy> {
    const server =
      certificate === undefined ? createServer(refuse) : createSecureServer({ ...certificate }, refuse);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ConnectProxy(server, certificate === undefined ? 'http' : 'https');
  }

  get url(): string {
    return `${this.scheme}://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(socket: Socket, authority: string): void {
    const { hostname, port } = new URL(`http://${authority}`);
    const { interceptsWith: certificate } = this;
    const to = { port: Number(port || 80), host: this.names.get(hostname) ?? hostname };
    // A proxy that decrypts checks certificates in place of its clients; here, all pass.
    const far = certificate === null ? connect(to) : connectTls({ ...to, rejectUnauthorized: false });
    this.keep(far);
    far.once(certificate === null ? 'connect' : 'secureConnect', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      const near = certificate === null ? socket : new TLSSocket(socket, { isServer: true, ...certificate });
      if (near !== socket) this.keep(near);
      near.pipe(far).pipe(near);
    });
    far.once('close', () => socket.destroy());
    socket.once('close', () => far.destroy());
  }

  private keep(socket: Duplex): void {
    this.sockets.add(socket);
    socket.on('error', () => {}).once('close', () => this.sockets.delete(socket));
  }
}
