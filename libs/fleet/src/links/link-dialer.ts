/** Connects to other edges: through a Unix socket on the same machine, else by TLS. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { EdgeNode } from '../directory/directory.js';
import { parseAddress } from './link-address.js';
import type { LinkTls } from './link-credentials.js';
import { isSocketIn } from './socket-directory.js';

/** Limit for DNS, TCP and TLS together, in milliseconds. */
const CONNECT_TIMEOUT_MS = 3000;

export interface LinkDialerOptions {
  readonly self: Pick<EdgeNode, 'machineId'>;
  /** Null: edges of other machines are out of reach. */
  readonly tls: LinkTls | null;
  /** Private directory of the sockets of this machine's edges; null: not used. */
  readonly socketDirectory: string | null;
  readonly timeoutMs?: number;
}

export class LinkDialer {
  constructor(private readonly options: LinkDialerOptions) {}

  /** Connects to `edge`, which has proven itself when this resolves. Rejects with the reason if that fails. */
  async dial(edge: EdgeNode): Promise<Socket> {
    const path = this.localPathOf(edge);
    if (path !== null) {
      try {
        return await this.settled(connect({ path }), 'connect');
      } catch {
        // Another container of the same machine, for example: its files are elsewhere.
      }
    }
    const { tls } = this.options;
    const address = parseAddress(edge.address);
    if (tls === null) throw new Error('this edge has no credentials for links');
    if (address === null) throw new Error('the address is not host:port');
    return this.settled(connectTls({ ...tls.client, ...address }), 'secureConnect');
  }

  private localPathOf({ machineId, socketPath }: EdgeNode): string | null {
    const { self, socketDirectory } = this.options;
    const isHere = socketDirectory !== null && machineId !== '' && machineId === self.machineId;
    return isHere && socketPath !== undefined && isSocketIn(socketDirectory, socketPath) ? socketPath : null;
  }

  private settled(socket: Socket, event: 'connect' | 'secureConnect'): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => socket.destroy(new Error('the edge did not answer in time')),
        this.options.timeoutMs ?? CONNECT_TIMEOUT_MS,
      );
      const fail = (error: Error): void => {
        clearTimeout(timer);
        reject(error);
      };
      socket.once('error', fail);
      socket.once('close', () => fail(new Error('the connection was closed')));
      socket.once(event, () => {
        clearTimeout(timer);
        resolve(socket);
      });
    });
  }
}
