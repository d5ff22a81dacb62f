/**
 * A WebSocket as a carrier, for both ends (docs/protocol.md §1). Written against the `ws` package: its
 * `send` writes header and payload in one system call and copies neither; its callback reports when bytes have left.
 * What arrives is read past it: `ws` would allocate for each read and put messages together, which costs more than all
 * else a bulk transfer does.
 */
import type { Socket } from 'node:net';
import { joined } from '@culvert/flow';
import { readShared } from '@culvert/sockets';
import type { WebSocket } from 'ws';
import type { Carrier, CarrierHandler } from './carrier.js';
import { GoAwayCode, toCloseStatus } from './frame.js';
import { decodeText, encodeText } from './text.js';
import { ViolationStatus, WebSocketFrames, type WebSocketFramesSink } from './websocket-frames.js';

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

/** What `ws` keeps for itself. */
interface Internals {
  readonly _socket: Socket;
  readonly _isServer: boolean;
}

/** Wraps an open WebSocket. Construct it in the turn in which the WebSocket opened, or messages are lost. */
export class WebSocketCarrier implements Carrier, WebSocketFramesSink {
  private handler: CarrierHandler | null = null;
  private closed = false;
  /** How the socket ended before `start`, if it did. */
  private earlyEnd: { readonly status: number; readonly reason: string } | null = null;

  private readonly frames: WebSocketFrames;
  /** Gives bytes to `ws`, as the connection did. */
  private readonly passOn: (bytes: Buffer) => void;

  constructor(private readonly socket: WebSocket) {
    const { _socket: connection, _isServer: isMasked } = socket as unknown as Internals;
    this.frames = new WebSocketFrames(this, { isMasked, maxMessageBytes: MAX_MESSAGE_BYTES });
    this.passOn = takeReader(connection);
    const push = (bytes: Buffer): void => this.frames.push(bytes);
    if (!readShared(connection, push)) connection.on('data', push);
    // Only now: a connection is not stopped by `pause` until it has the shared memory.
    socket.pause();
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

  // From the frames.

  onPayload(piece: Buffer): void {
    if (!this.closed) this.handler!.onMessage(piece);
  }

  onControl(frame: Buffer): void {
    this.passOn(Buffer.from(frame));
  }

  onViolation(status: ViolationStatus, reason: string): void {
    if (this.closed) return;
    const isTooBig = status === ViolationStatus.TOO_BIG;
    const ours = toCloseStatus(isTooBig ? GoAwayCode.FRAME_TOO_LARGE : GoAwayCode.PROTOCOL_ERROR);
    // A text message breaks a rule of the tunnel, not of WebSockets.
    this.closeSocket(status === ViolationStatus.UNACCEPTABLE_DATA ? ours : status, reason);
    this.end(ours, reason);
  }

  private handleError(error: Error & { code?: unknown }): void {
    const { code } = error;
    if (typeof code === 'string' && code.startsWith('WS_ERR_')) {
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

/** Takes the connection's bytes away from `ws`. Returns the function that gives it some. */
function takeReader(connection: Socket): (bytes: Buffer) => void {
  const [reader, ...others] = connection.listeners('data') as ((bytes: Buffer) => void)[];
  if (reader === undefined || others.length > 0) throw new Error('a WebSocket is read in an unknown way');
  connection.removeListener('data', reader);
  return reader.bind(connection);
}
