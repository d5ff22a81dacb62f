/** A tunnel's stream as the Node stream that an HTTP/2 session runs over, with backpressure both ways. */
import { Duplex } from 'node:stream';
import { ResetCode, type Stream, type StreamHandler } from '@culvert/tunnel';

/** How long an ingress may take to close after this end has. */
const LINGER_MS = 5000;

export interface TransportObserver {
  /** Bytes of the ingress, before the session gets them. */
  onReceived(chunk: Buffer): void;
  /** Bytes of the session, after the stream got them. */
  onSent(chunk: Buffer): void;
  /** The ingress closed its side. */
  onEnd(): void;
  /** The stream is gone. */
  onLost(code: ResetCode, detail: string): void;
}

export class Http2Transport extends Duplex implements StreamHandler {
  private stream: Stream | null = null;
  private isHeldBack = false;
  private whenDrained: (() => void) | null = null;
  private lingerTimer: NodeJS.Timeout | null = null;

  private observer: TransportObserver | null = null;

  /** Gives the transport its stream, whose handler it is: in the turn that opened it, before anything moves. */
  attach(stream: Stream, observer: TransportObserver): void {
    this.stream = stream;
    this.observer = observer;
  }

  // --- From the tunnel ------------------------------------------------------------------------------------

  onOpen(): void {
    // The session's bytes are on their way already.
  }

  onData(chunk: Buffer): void {
    if (this.destroyed) return;
    this.observer?.onReceived(chunk);
    if (!this.push(chunk) && !this.isHeldBack && this.stream !== null) {
      this.isHeldBack = true;
      this.stream.pause();
    }
  }

  onEnd(): void {
    this.push(null);
    this.observer?.onEnd();
  }

  onReset(code: ResetCode, detail: string): void {
    this.stream = null;
    this.observer?.onLost(code, detail);
    this.destroy();
  }

  onDrain(): void {
    const { whenDrained } = this;
    this.whenDrained = null;
    whenDrained?.();
  }

  // --- From the session -----------------------------------------------------------------------------------

  override _read(): void {
    if (!this.isHeldBack) return;
    this.isHeldBack = false;
    this.stream?.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.send(chunk, callback);
  }

  /** Frames that gathered while one was written leave as one: each write costs the tunnel a frame of its own. */
  override _writev(chunks: { readonly chunk: Buffer }[], callback: () => void): void {
    this.send(Buffer.concat(chunks.map(({ chunk }) => chunk)), callback);
  }

  override _final(callback: () => void): void {
    this.stream?.end();
    this.lingerTimer = setTimeout(() => this.destroy(), LINGER_MS);
    this.lingerTimer.unref();
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    if (this.lingerTimer) clearTimeout(this.lingerTimer);
    this.stream?.reset(ResetCode.CANCEL);
    this.stream = null;
    this.whenDrained = null;
    callback(error);
  }

  private send(chunk: Buffer, callback: () => void): void {
    if (this.stream === null || this.stream.write(chunk)) callback();
    else this.whenDrained = callback;
    this.observer?.onSent(chunk);
  }
}
