import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { readBeforeFailing, readShared, SocketWriter } from '@culvert/sockets';
import { ResetCode, type Stream, type StreamHandler } from '@culvert/tunnel';
import type { Dialed, Dialer } from './stream-pool.js';

let nextId = 1;

/** A Node duplex as a Stream: how the edge reaches the application itself, in its own process or another. */
export class SocketStream implements Stream {
  readonly id = nextId++;
  private readonly writer: SocketWriter | Duplex;
  private isEnded = false;
  private hasPeerEnded = false;
  private isReset = false;

  constructor(
    private readonly socket: Duplex,
    public handler: StreamHandler,
  ) {
    // Shared memory is only lent, and a handler may keep its bytes until its own side has taken them.
    const isShared =
      socket instanceof Socket && readShared(socket, (bytes) => this.handler.onData(Buffer.from(bytes)));
    if (isShared) socket.resume();
    else socket.on('data', (chunk: Buffer) => this.handler.onData(chunk));
    if (socket instanceof Socket)
      this.writer = new SocketWriter(readBeforeFailing(socket), () => this.handler.onDrain());
    else this.writer = socket.on('drain', () => this.handler.onDrain());
    socket.on('end', () => {
      this.hasPeerEnded = true;
      if (!this.isReset) this.handler.onEnd();
    });
    socket.on('error', (error) => this.handleLoss(resetCodeOf(error), error.message));
    socket.on('close', () => this.handleLoss(ResetCode.INGRESS_RESET, 'connection closed'));
  }

  get isOpen(): boolean {
    return !this.isReset && !(this.isEnded && this.hasPeerEnded);
  }

  write(chunk: Buffer): boolean {
    return this.isReset || this.isEnded ? true : this.writer.write(chunk);
  }

  end(): void {
    if (this.isReset || this.isEnded) return;
    this.isEnded = true;
    this.socket.end();
  }

  reset(): void {
    if (this.isReset) return;
    this.isReset = true;
    this.socket.destroy();
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  private handleLoss(code: ResetCode, detail: string): void {
    if (this.isReset || (this.isEnded && this.hasPeerEnded)) return;
    this.isReset = true;
    this.handler.onReset(code, detail);
  }
}

/** Dials the application through `connect`, which may be a TCP connection or a pair within the process. */
export class SocketDialer implements Dialer {
  private readonly origin = {};

  constructor(private readonly connect: () => Duplex) {}

  dial(handler: StreamHandler): Dialed {
    return { stream: new SocketStream(this.connect(), handler), origin: this.origin };
  }

  isPreferred(): boolean {
    return true;
  }

  onArrival(): () => void {
    return () => {};
  }
}

function resetCodeOf(error: Error & { code?: string }): ResetCode {
  switch (error.code) {
    case 'ECONNREFUSED':
      return ResetCode.INGRESS_REFUSED;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return ResetCode.INGRESS_DNS;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return ResetCode.INGRESS_UNREACHABLE;
    case 'ETIMEDOUT':
      return ResetCode.INGRESS_TIMEOUT;
    default:
      return ResetCode.INGRESS_RESET;
  }
}
