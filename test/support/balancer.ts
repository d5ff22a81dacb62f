import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';

/** A TCP load balancer with one backend at a time. Open connections stay where they are. */
export class Balancer {
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: net.Server,
    /** Port of the backend for connections from now on. */
    public target: number,
  ) {
    server.on('connection', (socket) => this.serve(socket));
  }

  static async start(target: number): Promise<Balancer> {
    const balancer = new Balancer(net.createServer(), target);
    balancer.server.listen(0, '127.0.0.1');
    await once(balancer.server, 'listening');
    return balancer;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  stop(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private serve(visitor: Socket): void {
    const backend = net.connect(this.target, '127.0.0.1');
    for (const [one, other] of [
      [visitor, backend],
      [backend, visitor],
    ] as const) {
      this.sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        this.sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}
