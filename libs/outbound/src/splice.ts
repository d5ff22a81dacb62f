/**
 * Joins a stream to the connection with its ingress: bytes, backpressure, half-close and failures, both ways.
 * What one splice holds is bounded by the stream's window on one side and the socket's buffer on the other.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ResetCode } from '@culvert/tunnel';
import type { AlpnProtocol, IncomingStream, StreamHandler } from '@culvert/tunnel';
import { describeFailure } from './ingress-error.js';
import type { IngressFailure, IngressPhase } from './ingress-error.js';

/** Longest silence of an ingress after both ends have sent all their bytes. */
const LINGER_MS = 30_000;

/** Chunks below this size that have to wait are copied: each would keep a whole carrier message in memory. */
const MAX_COPIED_BYTES = 4096;

/** The alert with which a server refuses every protocol offered (RFC 7301 §3.2): a code of Node's when read, text when written. */
const NO_APPLICATION_PROTOCOL = /alert no application protocol/;

export interface SpliceOptions {
  /** Limit for TCP and TLS together. */
  readonly connectTimeoutMs: number;
  readonly isTls: boolean;
  /** Protocols offered to a TLS ingress. */
  readonly alpn: AlpnProtocol;
  /** Names the ingress in details, `host:port`. */
  readonly label: string;
  /** The ingress is connected, TLS included. */
  readonly onConnected?: () => void;
  /** The ingress failed, and the stream was reset. */
  readonly onFailure: (failure: IngressFailure) => void;
}

export class Splice implements StreamHandler {
  private phase: IngressPhase = 'connecting';
  private readonly connectTimer: NodeJS.Timeout;
  private streamEnded = false;
  private socketEnded = false;

  constructor(
    private readonly stream: IncomingStream,
    private readonly socket: Socket,
    private readonly options: SpliceOptions,
  ) {
    this.connectTimer = setTimeout(() => this.handleConnectTimeout(), options.connectTimeoutMs);
    stream.handler = this;
    socket.on('connect', () => this.handleConnect());
    socket.on('secureConnect', () => this.handleSecured());
    socket.on('drain', () => stream.resume());
    socket.on('end', () => this.handleSocketEnd());
    socket.on('error', (error) => this.handleError(error));
    socket.on('close', () => this.handleClose());
  }

  /** Bytes from the ingress. */
  handleIngressData(chunk: Buffer): void {
    if (!this.stream.write(chunk)) this.socket.pause();
  }

  onOpen(): void {
    // Only the opener receives `onOpen`.
  }

  onData(chunk: Buffer): void {
    const waits = this.socket.writableLength > 0 && chunk.length < MAX_COPIED_BYTES;
    if (!this.socket.write(waits ? copyOf(chunk) : chunk)) this.stream.pause();
  }

  onEnd(): void {
    this.streamEnded = true;
    this.endSocket();
  }

  onReset(): void {
    clearTimeout(this.connectTimer);
    // Not `resetAndDestroy`: in Node 20 it fails with EINVAL on a socket that was ended before, and leaves the socket open.
    this.socket.destroy();
  }

  onDrain(): void {
    this.socket.resume();
  }

  private handleConnect(): void {
    if (this.options.isTls) this.phase = 'handshaking';
    else this.handleConnected();
  }

  /** A server without ALPN speaks HTTP/1.1 (RFC 9113 §3.2), and so does one that does not answer the offer. */
  private handleSecured(): void {
    const { alpn } = this.options;
    if (alpn === 'h2' && (this.socket as TLSSocket).alpnProtocol !== alpn) this.failAlpn();
    else this.handleConnected();
  }

  private handleError(error: Error): void {
    if (NO_APPLICATION_PROTOCOL.test(error.message)) this.failAlpn();
    else this.fail(describeFailure(error, this.phase));
  }

  private failAlpn(): void {
    const { label, alpn } = this.options;
    this.fail({ code: ResetCode.INGRESS_TLS, detail: `${label} does not speak ${alpn} over TLS (ALPN)` });
  }

  private handleConnected(): void {
    clearTimeout(this.connectTimer);
    this.phase = 'connected';
    this.options.onConnected?.();
    this.stream.accept();
    this.endSocket();
  }

  private endSocket(): void {
    // A TLS socket that is ended during its handshake never finishes it.
    if (!this.streamEnded || this.phase !== 'connected') return;
    this.socket.end();
    this.lingerWhenEnded();
  }

  private handleConnectTimeout(): void {
    const { label, connectTimeoutMs } = this.options;
    const step = this.phase === 'handshaking' ? 'TLS handshake with' : 'connection to';
    this.fail({
      code: ResetCode.INGRESS_TIMEOUT,
      detail: `${step} ${label} timed out after ${connectTimeoutMs} ms`,
    });
  }

  private handleSocketEnd(): void {
    this.socketEnded = true;
    if (this.phase !== 'connected') {
      this.fail({
        code: ResetCode.INGRESS_TLS,
        detail: `${this.options.label} closed during the TLS handshake`,
      });
      return;
    }
    this.stream.end();
    this.lingerWhenEnded();
  }

  private handleClose(): void {
    clearTimeout(this.connectTimer);
    if (this.socketEnded && this.streamEnded) return;
    this.fail({ code: ResetCode.INGRESS_RESET, detail: `${this.options.label} closed the connection` });
  }

  private fail(failure: IngressFailure): void {
    clearTimeout(this.connectTimer);
    if (this.stream.isOpen) {
      this.stream.reset(failure.code, failure.detail);
      this.options.onFailure(failure);
    }
    this.socket.destroy();
  }

  private lingerWhenEnded(): void {
    if (!this.streamEnded || !this.socketEnded) return;
    this.socket.setTimeout(LINGER_MS, () => this.socket.destroy());
  }
}

function copyOf(chunk: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(chunk.length);
  copy.set(chunk);
  return copy;
}
