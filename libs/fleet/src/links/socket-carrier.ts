/** A connection as a carrier: the byte stream of a TCP, TLS or Unix socket, without framing of its own. */
import type { Socket } from 'node:net';
import { readShared } from '@culvert/sockets';
import type { Carrier, CarrierHandler } from '@culvert/tunnel';

/** How long the peer may take to end its side. */
const CLOSE_TIMEOUT_MS = 2000;

/** As a WebSocket that ended without a close frame: the stream has no close status. GOAWAY carries the reason. */
const NO_STATUS = 1006;

/**
 * Wraps a connected socket, for both ends of a link between edges. Takes the socket over: no other code may read from it or
 * write to it. What arrives before `start` waits in the socket.
 */
export class SocketCarrier implements Carrier {
  private handler: CarrierHandler | null = null;
  private closed = false;
  /** Why the socket ended before `start`; null if it did not. */
  private earlyEnd: string | null = null;

  /** @param socket TCP, TLS after its handshake, or Unix */
  constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on('error', (error) => this.end(error.message));
    socket.on('end', () => this.end('the peer ended the connection'));
    socket.on('close', () => this.end('the connection was closed'));
  }

  get bufferedBytes(): number {
    return this.socket.writableLength;
  }

  start(handler: CarrierHandler): void {
    this.handler = handler;
    const { earlyEnd } = this;
    if (earlyEnd === null) {
      this.read(handler);
      return;
    }
    // Not from within `start`: its caller is not ready yet.
    queueMicrotask(() => handler.onClose(NO_STATUS, earlyEnd));
  }

  /** Writes all pieces with one system call, except over TLS, and without a copy. */
  send(pieces: readonly Buffer[]): void {
    if (this.closed) return;
    const { socket } = this;
    const last = pieces.length - 1;
    if (last > 0) socket.cork();
    for (let i = 0; i < last; i++) socket.write(pieces[i]);
    socket.write(pieces[last], this.handleSent);
    if (last > 0) socket.uncork();
  }

  /** Ends the stream. The status and the reason are not sent: the tunnel has sent GOAWAY. */
  close(_status: number, _reason: string): void {
    if (this.closed) return;
    this.closed = true;
    const { socket } = this;
    socket.resume();
    socket.end();
    const timer = setTimeout(() => socket.destroy(), CLOSE_TIMEOUT_MS).unref();
    socket.once('close', () => clearTimeout(timer));
  }

  private read(handler: CarrierHandler): void {
    const { socket } = this;
    const isShared = readShared(socket, (bytes) => {
      if (!this.closed) handler.onMessage(bytes);
    });
    if (isShared) {
      socket.resume();
      return;
    }
    socket.on('data', (bytes: Buffer) => {
      if (!this.closed) handler.onMessage(bytes);
    });
  }

  private readonly handleSent = (error?: Error | null): void => {
    if (!this.closed && !error) this.handler?.onSent();
  };

  private end(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.socket.destroy();
    if (this.handler === null) this.earlyEnd = reason;
    else this.handler.onClose(NO_STATUS, reason);
  }
}
