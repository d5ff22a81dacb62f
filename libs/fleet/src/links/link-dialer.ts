/** Connects to other edges: through a Unix socket on the same machine, else by TLS. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { EdgeNode } from '../directory/directory.js';
import { parseAddress } from './link-address.js';
import type { LinkProof } from './link-credentials.js';
import { connectError, LinkError } from './link-failure.js';
import { isSocketIn } from './socket-directory.js';

/** Limit for DNS, TCP and TLS together, in milliseconds. */
const CONNECT_TIMEOUT_MS = 3000;

export interface LinkDialerOptions {
  readonly self: Pick<EdgeNode, 'machineId'>;
  /** Null: edges of other machines are out of reach. */
  readonly proof: LinkProof | null;
  /** Private directory of the sockets of this machine's edges; null: not used. */
  readonly socketDirectory: string | null;
  readonly timeoutMs?: number;
}

export class LinkDialer {
  constructor(private readonly options: LinkDialerOptions) {}

  /** Reports whether it makes sense to dial `edge`. An edge without a common credential counts as absent. */
  canReach(edge: EdgeNode): boolean {
    return (this.options.proof !== null && edge.address !== '') || this.isHere(edge);
  }

  /** Connects to `edge`, which has proven itself when this resolves. Rejects with a LinkError if that fails. */
  async dial(edge: EdgeNode): Promise<Socket> {
    const path = this.localPathOf(edge);
    if (path !== null) {
      try {
        return await this.settled(connect({ path }), 'connect');
      } catch {
        // Another container of the same machine, for example: its files are elsewhere.
      }
    }
    const { proof } = this.options;
    if (proof === null || edge.address === '')
      throw new LinkError(
        'unreachable',
        'its socket cannot be opened, and it accepts no links of other machines',
      );
    const address = parseAddress(edge.address);
    if (address === null) throw new LinkError('unreachable', 'the address is not host:port');
    try {
      return await this.settled(connectTls({ ...proof.client, ...address }), 'secureConnect');
    } catch (error) {
      throw connectError(error, proof.kind);
    }
  }

  private isHere({ machineId, socketPath }: EdgeNode): boolean {
    const { self, socketDirectory } = this.options;
    return (
      socketDirectory !== null && socketPath !== undefined && machineId !== '' && machineId === self.machineId
    );
  }

  private localPathOf(edge: EdgeNode): string | null {
    const { socketPath } = edge;
    const { socketDirectory } = this.options;
    if (socketPath === undefined || socketDirectory === null || !this.isHere(edge)) return null;
    return isSocketIn(socketDirectory, socketPath) ? socketPath : null;
  }

  private settled(socket: Socket, event: 'connect' | 'secureConnect'): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => socket.destroy(new LinkError('timeout', 'the edge did not answer in time')),
        this.options.timeoutMs ?? CONNECT_TIMEOUT_MS,
      );
      const fail = (error: Error): void => {
        clearTimeout(timer);
        reject(error);
      };
      socket.once('error', fail);
      socket.once('close', () => fail(new LinkError('unreachable', 'the connection was closed')));
      socket.once(event, () => {
        clearTimeout(timer);
        resolve(socket);
      });
    });
  }
}
