import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';

/** A load balancer for TCP: each connection goes to the next of its targets, which may change at any time. */
export class TcpBalancer {
  /** Ports on this machine that new connections are sent to, in turn. */
  targets: readonly number[];
  private turn = 0;
  private readonly sockets = new Set<net.Socket>();

  private constructor(
    private readonly server: net.Server,
    targets: readonly number[],
  ) {
    this.targets = targets;
    server.on('connection', (socket) => this.join(socket));
  }

  static async start(targets: readonly number[]): Promise<TcpBalancer> {
    const server = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TcpBalancer(server, targets);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(socket: net.Socket): void {
    const port = this.targets[this.turn++ % this.targets.length];
    if (port === undefined) {
      socket.destroy();
      return;
    }
    const onward = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    for (const [from, to] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      this.sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }
}
