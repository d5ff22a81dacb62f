/** Faulty networks: a TCP proxy whose connections can fall silent, and a balancer over several ports. */
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';

export { freePort } from '../services/server.js';

interface Link {
  readonly near: net.Socket;
  readonly far: net.Socket;
}

export class Proxy {
  private readonly links = new Set<Link>();
  private takesNew = true;

  private constructor(
    private readonly server: net.Server,
    private readonly targets: readonly number[],
  ) {
    server.on('connection', (near: net.Socket) => this.join(near, 0));
  }

  /** Connections go to the first of `targets`, ports on loopback, that accepts them. */
  static async start(...targets: readonly number[]): Promise<Proxy> {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Proxy(server, targets);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.links.size;
  }

  /** Acts like an unplugged cable: sockets stay open, and nothing passes. Optionally new connections fail too. */
  silence(options: { readonly newOnesToo: boolean }): void {
    this.takesNew = !options.newOnesToo;
    for (const link of this.links) mute(link);
  }

  /** Closes the near ends of connections; the far ends are not notified. */
  forgetNearEnds(): void {
    for (const link of this.links) {
      mute(link);
      link.near.resetAndDestroy();
    }
  }

  /** Resets connections that were silenced; new ones pass. */
  heal(): void {
    this.takesNew = true;
    for (const { near, far } of this.links) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  async stop(): Promise<void> {
    for (const { near, far } of this.links) {
      near.destroy();
      far.destroy();
    }
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private join(near: net.Socket, index: number): void {
    const far = net.connect({
      port: this.targets[index],
      host: '127.0.0.1',
      allowHalfOpen: true,
      noDelay: true,
    });
    const link = { near, far };
    this.links.add(link);
    far.on('error', ({ syscall }: NodeJS.ErrnoException) => {
      if (syscall === 'connect' && index + 1 < this.targets.length) {
        this.links.delete(link);
        near.removeAllListeners();
        this.join(near, index + 1);
      } else {
        near.resetAndDestroy();
      }
    });
    near.on('error', () => {
      if (!isMuted(link)) far.resetAndDestroy();
    });
    for (const socket of [near, far]) {
      socket.on('close', () => {
        if (near.destroyed && far.destroyed) this.links.delete(link);
      });
    }
    if (!this.takesNew) mute(link);
    far.once('connect', () => {
      if (isMuted(link)) return;
      near.pipe(far);
      far.pipe(near);
    });
  }
}

const muted = new WeakSet<Link>();

function isMuted(link: Link): boolean {
  return muted.has(link);
}

/** Keeps reading, so that resets are noticed, and forwards nothing. */
function mute(link: Link): void {
  muted.add(link);
  for (const socket of [link.near, link.far]) {
    socket.unpipe();
    socket.removeAllListeners('end');
    socket.pause();
  }
}
