import { once } from 'node:events';
import net from 'node:net';

/** Sockets of visitors that HTTP clients cannot simulate: silent, slow, greedy. They are closed together. */
export class RawVisitors {
  readonly sockets = new Set<net.Socket>();
  /** Connections that were refused or have ended. */
  ended = 0;

  constructor(private readonly port: number) {}

  /** Resolves when the connection is open; `localAddress` may be any of 127.0.0.0/8. */
  async connect(localAddress = '127.0.0.1'): Promise<net.Socket> {
    const socket = net.connect({ port: this.port, host: '127.0.0.1', localAddress });
    this.sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      this.sockets.delete(socket);
      this.ended++;
    });
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
    return socket;
  }

  /** Opens this many connections, each of which sends `bytes` at once; `read: false` leaves every response unread. */
  async open(
    count: number,
    bytes: string | Buffer,
    options: { readonly localAddress?: string; readonly read: boolean },
  ): Promise<readonly net.Socket[]> {
    return Promise.all(
      Array.from({ length: count }, async () => {
        const socket = await this.connect(options.localAddress);
        socket.write(bytes);
        if (options.read) socket.resume();
        return socket;
      }),
    );
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
  }
}
