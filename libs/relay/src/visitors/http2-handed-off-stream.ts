import type { RequestHead } from '@culvert/http1';
import { ErrorCode, type ServerStream, type StreamHandler } from '@culvert/http2';
import type { HandedOffStream, HandedOffStreamHandler } from './handed-off-stream.js';

/** Placeholder until a handler is set. */
const NOBODY: HandedOffStreamHandler = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };

/** A handed-off stream of an HTTP/2 connection. */
export class Http2HandedOffStream implements HandedOffStream, StreamHandler {
  handler: HandedOffStreamHandler = NOBODY;
  private hasHead = false;
  private isEnded = false;

  constructor(
    private readonly stream: ServerStream,
    readonly head: RequestHead,
    readonly peer: string,
    /** Whether the end of the request has yet to arrive. */
    private hasEndFollowing: boolean,
    private readonly forget: (stream: Http2HandedOffStream) => void,
  ) {
    stream.attach(this);
  }

  respond(fields: Readonly<Record<string, string>>): void {
    if (this.stream.isClosed || this.hasHead) return;
    this.sendHead(fields, { endStream: false });
    // The answer precedes the end of the request: traffic goes both ways, and the window of an upload is too small for
    // a long distance.
    this.stream.openWindow();
  }

  write(bytes: Buffer): boolean {
    return this.stream.write(bytes);
  }

  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
    if (this.hasEndFollowing) return;
    this.hasEndFollowing = true;
    queueMicrotask(() => {
      if (!this.stream.isClosed) this.onEnd();
    });
  }

  end(trailers: Readonly<Record<string, string>>): void {
    if (this.stream.isClosed || this.isEnded) return;
    this.isEnded = true;
    if (this.hasHead) this.stream.endWithTrailers(Object.entries(trailers));
    else this.sendHead(trailers, { endStream: true });
    // The end of the request closes the stream, and must not wait in a paused one: it would count against the visitor's
    // streams until the next sweep.
    this.stream.resume();
  }

  reset(): void {
    this.stream.reset(ErrorCode.CANCEL);
  }

  /** Called a few times a second. RFC 9113 §8.1: once the answer is complete, the rest of the request is not wanted. */
  sweep(): void {
    if (this.stream.isResponseSent) this.stream.reset(ErrorCode.NO_ERROR);
  }

  onData(chunk: Buffer): void {
    if (!this.isEnded) this.handler.onData(chunk);
  }

  onEnd(): void {
    if (!this.isEnded) this.handler.onEnd();
  }

  onDrain(): void {
    this.handler.onDrain();
  }

  onClose(): void {
    this.forget(this);
    this.handler.onClose();
  }

  private sendHead(fields: Readonly<Record<string, string>>, options: { readonly endStream: boolean }): void {
    this.hasHead = true;
    const encoder = this.stream.beginHeaders(200);
    for (const [name, value] of Object.entries(fields)) encoder.add(name, value);
    this.stream.sendHeaders(options);
  }
}
