/** A forward proxy as used in companies: it joins connections by CONNECT (RFC 9110 §9.3.6), and can refuse to. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

export class ConnectProxy {
  /** `host:port` of every CONNECT. */
  readonly asked: string[] = [];
  /** Credentials sent with each. */
  readonly credentials: (string | undefined)[] = [];
  /** Status of the response; 200 joins. */
  status = 200;
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {
    server.on('connect', ({ url = '', headers }, socket: Socket) => {
      this.asked.push(url);
      this.credentials.push(headers['proxy-authorization']);
      this.keep(socket);
      if (this.status === 200) this.join(socket, url);
      else socket.end(`HTTP/1.1 ${this.status} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    });
  }

  static async start(): Promise<ConnectProxy> {
    const server = createServer((_request, response) => response.writeHead(400).end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ConnectProxy(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(socket: Socket, authority: string): void {
    const { hostname, port } = new URL(`http://${authority}`);
    const far = connect(Number(port || 80), hostname);
    this.keep(far);
    far.once('connect', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      socket.pipe(far).pipe(socket);
    });
    far.once('close', () => socket.destroy());
    socket.once('close', () => far.destroy());
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => {}).once('close', () => this.sockets.delete(socket));
  }
}
