import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** How often connections are checked for being idle once the port is closed, in milliseconds. */
const CHECK_MS = 50;

/**
 * Lets clients of a listening HTTP server go to another process before this one stops. Node's own `close` ends connections
 * that are idle at that moment, and keeps those that become idle later until their time-out.
 */
export class LeavingServer {
  private isLeaving = false;
  /** Connections without a request so far, which Node does not count as idle. */
  private readonly unused = new Set<Socket>();

  constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.unused.add(socket);
      socket.once('close', () => this.unused.delete(socket));
    });
    // The application may answer within its own listener.
    server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      this.unused.delete(socket);
      if (this.isLeaving) response.shouldKeepAlive = false;
    });
  }

  /** From now on each answer says `Connection: close`. The port stays open. */
  giveNotice(): void {
    this.isLeaving = true;
  }

  /** Closes the port, and each connection as soon as it is idle. `close` of the server waits for the others as usual. */
  closePort(): void {
    this.isLeaving = true;
    const check = setInterval(() => this.server.closeIdleConnections(), CHECK_MS);
    this.server.once('close', () => clearInterval(check));
    this.server.close();
    for (const socket of this.unused) socket.destroy();
  }
}
