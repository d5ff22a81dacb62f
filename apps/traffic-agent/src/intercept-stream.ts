/**
 * A stream to an intercepting client, or to the application if the client turns out to be away. It holds written bytes until
 * the client's target is connected, so that no request can be handled by both (docs/cluster.md §4).
 */
import { ResetCode, type Stream, type StreamHandler } from '@culvert/tunnel';

/** Limit of bytes that wait for the client's target; beyond it the writer must pause. */
const MAX_HELD_BYTES = 65_536;

/** Failures of the client's target itself: the sender of the request wanted that target and no other. */
const OF_TARGET: ReadonlySet<ResetCode> = new Set([
  ResetCode.INGRESS_REFUSED,
  ResetCode.INGRESS_DNS,
  ResetCode.INGRESS_TIMEOUT,
  ResetCode.INGRESS_TLS,
  ResetCode.CANCEL,
]);

export class InterceptStream implements Stream, StreamHandler {
  /** Receives the bytes: the tunnel's stream, or the application's. */
  private inner: Stream;
  private isOpening = true;
  private held: Buffer[] = [];
  private heldBytes = 0;
  private isEnded = false;
  private wantsDrain = false;
  /** Whether it leads to the application. */
  hasFallenBack = false;

  /**
   * @param open opens the tunnel's stream; null if none can be opened
   * @param dialApplication opens a stream to the application instead
   * @param handler receives the events
   */
  constructor(
    open: (handler: StreamHandler) => Stream | null,
    private readonly dialApplication: (handler: StreamHandler) => Stream,
    public handler: StreamHandler,
    private readonly onFallBack: (code: ResetCode | null) => void,
  ) {
    const stream = open(this);
    if (stream === null) {
      this.inner = dialApplication(this);
      this.hasFallenBack = true;
      this.isOpening = false;
      onFallBack(null);
    } else {
      this.inner = stream;
    }
  }

  get id(): number {
    return this.inner.id;
  }

  get isOpen(): boolean {
    return this.inner.isOpen;
  }

  // --- For its user ---------------------------------------------------------------------------------------

  write(chunk: Buffer): boolean {
    if (!this.isOpening) return this.inner.write(chunk);
    this.held.push(chunk);
    this.heldBytes += chunk.length;
    if (this.heldBytes < MAX_HELD_BYTES) return true;
    this.wantsDrain = true;
    return false;
  }

  end(): void {
    this.isEnded = true;
    if (!this.isOpening) this.inner.end();
  }

  reset(code: ResetCode, detail?: string): void {
    this.held = [];
    this.inner.reset(code, detail);
  }

  pause(): void {
    this.inner.pause();
  }

  resume(): void {
    this.inner.resume();
  }

  // --- From the stream below ------------------------------------------------------------------------------

  onOpen(): void {
    if (this.isOpening) this.flush();
    this.handler.onOpen();
  }

  onData(chunk: Buffer): void {
    this.handler.onData(chunk);
  }

  onEnd(): void {
    this.handler.onEnd();
  }

  onDrain(): void {
    this.handler.onDrain();
  }

  onReset(code: ResetCode, detail: string): void {
    if (this.isOpening && !OF_TARGET.has(code)) {
      this.inner = this.dialApplication(this);
      this.hasFallenBack = true;
      this.onFallBack(code);
      this.flush();
    } else if (!this.hasFallenBack && code === ResetCode.INGRESS_RESET) {
      // The client or its target was lost: repeat what may be repeated on another stream.
      this.handler.onReset(ResetCode.TUNNEL_LOST, detail);
    } else {
      this.handler.onReset(code, detail);
    }
  }

  private flush(): void {
    this.isOpening = false;
    const { held } = this;
    this.held = [];
    let hasRoom = true;
    for (const chunk of held) hasRoom = this.inner.write(chunk);
    if (this.isEnded) this.inner.end();
    else if (this.wantsDrain && hasRoom) this.handler.onDrain();
  }
}
