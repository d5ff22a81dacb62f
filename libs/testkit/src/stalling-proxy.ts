/** A TCP proxy that can stop passing bytes, like a server whose host hangs: connections open, and nothing answers. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class StallingProxy {
  private readonly sockets = new Set<Socket>();
  /** Connections accepted during a stall, and not joined yet. */
  private readonly waiting: Socket[] = [];
  private isStalled = false;

  private constructor(
    private readonly server: Server,
    private readonly target: { readonly host: string; readonly port: number },
  ) {
    server.on('connection', (socket: Socket) => {
      this.keep(socket);
      if (this.isStalled) this.waiting.push(socket.pause());
      else this.join(socket);
    });
  }

  /** @param url of the server behind it; keeps its path and credentials in `url` */
  static async start(url: string): Promise<StallingProxy & { readonly url: string }> {
    const target = new URL(url);
    const server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new StallingProxy(server, { host: target.hostname, port: Number(target.port) });
    target.hostname = '127.0.0.1';
    target.port = String((server.address() as AddressInfo).port);
    return Object.assign(proxy, { url: target.href });
  }

  /** Passes no bytes from now on, and joins no new connections. */
  stall(): void {
    this.isStalled = true;
    for (const socket of this.sockets) socket.pause();
  }

  /** Passes the bytes that were held back, and continues. */
  resume(): void {
    this.isStalled = false;
    for (const socket of this.waiting.splice(0)) if (!socket.destroyed) this.join(socket);
    for (const socket of this.sockets) socket.resume();
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(socket: Socket): void {
    const far = connect({ ...this.target, noDelay: true });
    this.keep(far);
    socket.pipe(far).pipe(socket);
    far.once('close', () => socket.destroy());
    socket.once('close', () => far.destroy());
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => {}).once('close', () => this.sockets.delete(socket));
  }
}
