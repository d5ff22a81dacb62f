/**
 * A WebSocket as a carrier, for both ends (docs/protocol.md §1). Written against the `ws` package: its
 * `send` writes header and payload in one system call and copies neither; its callback reports when bytes have left.
 */
import { joined } from '@culvert/flow';
import type { WebSocket } from 'ws';
import type { Carrier, CarrierHandler } from './carrier.js';
import { GoAwayCode, toCloseStatus } from './frame.js';
import { decodeText, encodeText } from './text.js';

/** Largest WebSocket message that is accepted, in bytes. */
export const MAX_MESSAGE_BYTES = 1_048_576;

/** How long the peer may take to answer a WebSocket close. */
const CLOSE_TIMEOUT_MS = 2000;

/** RFC 6455 §5.5: a control frame holds 125 bytes, 2 of them the status. */
const MAX_REASON_BYTES = 123;

/** RFC 6455 §7.4.1: the connection ended without a close frame. */
const ABNORMAL_CLOSURE = 1006;

/** Options for `WebSocketServer` and `WebSocket` that the protocol demands. */
export const WEBSOCKET_OPTIONS = {
  perMessageDeflate: false,
  maxPayload: MAX_MESSAGE_BYTES,
  skipUTF8Validation: true,
} as const;

/** Wraps an open WebSocket. Construct it in the turn in which the WebSocket opened, or messages are lost. */
export class WebSocketCarrier implements Carrier {
  private handler: CarrierHandler | null = null;
  private closed = false;
  /** How the socket ended before `start`, if it did. */
  private earlyEnd: { readonly status: number; readonly reason: string } | null = null;

  constructor(private readonly socket: WebSocket) {
    socket.binaryType = 'nodebuffer';
    socket.pause();
    socket.on('message', (data, isBinary) => this.handleMessage(data as Buffer, isBinary));
    socket.on('close', (status, reason) => this.end(status, decodeText(reason)));
    socket.on('error', (error) => this.handleError(error));
  }

  get bufferedBytes(): number {
    return this.socket.bufferedAmount;
  }

  start(handler: CarrierHandler): void {
    this.handler = handler;
    this.socket.resume();
    const { earlyEnd } = this;
    // Not from within `start`: its caller is not ready yet.
    if (earlyEnd !== null) queueMicrotask(() => handler.onClose(earlyEnd.status, earlyEnd.reason));
  }

  /** Sends one message. */
  send(pieces: readonly Buffer[]): void {
    if (!this.closed) this.socket.send(joined(pieces), this.handleSent);
  }

  close(status: number, reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.closeSocket(status, reason);
  }

  private readonly handleSent = (): void => {
    if (!this.closed) this.handler?.onSent();
  };

  private handleMessage(data: Buffer, isBinary: boolean): void {
    if (this.closed) return;
    if (isBinary) this.handler?.onMessage(data);
    else this.fail(toCloseStatus(GoAwayCode.PROTOCOL_ERROR), 'a text message');
  }

  private handleError(error: Error & { code?: unknown }): void {
    const { code } = error;
    if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') {
      this.fail(toCloseStatus(GoAwayCode.FRAME_TOO_LARGE), 'a message above 1 MiB');
    } else if (typeof code === 'string' && code.startsWith('WS_ERR_')) {
      this.fail(toCloseStatus(GoAwayCode.PROTOCOL_ERROR), error.message);
    } else {
      this.fail(ABNORMAL_CLOSURE, error.message);
    }
  }

  private fail(status: number, reason: string): void {
    if (this.closed) return;
    // After ABNORMAL_CLOSURE the socket is gone, and this status must not be sent.
    if (status !== ABNORMAL_CLOSURE) this.closeSocket(status, reason);
    this.end(status, reason);
  }

  private closeSocket(status: number, reason: string): void {
    this.socket.resume();
    this.socket.close(status, encodeText(reason).subarray(0, MAX_REASON_BYTES));
    setTimeout(() => this.socket.terminate(), CLOSE_TIMEOUT_MS).unref();
  }

  private end(status: number, reason: string): void {
    if (this.closed) return;
    this.closed = true;
    if (this.handler === null) this.earlyEnd = { status, reason };
    else this.handler.onClose(status, reason);
  }
}
