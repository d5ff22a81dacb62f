/**
 * A stream of a tunnel that shows the bytes passing through it to a watch. To both of its ends it behaves like the stream.
 */
import { ResetCode, type IncomingStream, type StreamHandler } from '@culvert/tunnel';
import { type Http1Watch, SERVICE_RESET } from './http1-watch.js';

/** Codes of a stream that was never joined to its target. */
const UNREACHABLE: ReadonlySet<ResetCode> = new Set([
  ResetCode.INGRESS_REFUSED,
  ResetCode.INGRESS_UNREACHABLE,
  ResetCode.INGRESS_DNS,
  ResetCode.INGRESS_TIMEOUT,
  ResetCode.INGRESS_TLS,
]);

export class TappedStream implements IncomingStream {
  /** The side that joins the stream to its target. */
  private user: StreamHandler;
  private hasEnded = false;
  private hasPeerEnded = false;

  constructor(
    private readonly inner: IncomingStream,
    private readonly watch: Http1Watch,
  ) {
    this.user = inner.handler;
    inner.handler = {
      onOpen: () => this.user.onOpen(),
      onData: (chunk) => {
        watch.handleRequestBytes(chunk);
        this.user.onData(chunk);
      },
      onEnd: () => {
        this.hasPeerEnded = true;
        this.closeWhenEnded();
        this.user.onEnd();
      },
      onReset: (code, detail) => {
        watch.handleClose(failureOf(code));
        this.user.onReset(code, detail);
      },
      onDrain: () => this.user.onDrain(),
    };
  }

  get id(): number {
    return this.inner.id;
  }

  get isOpen(): boolean {
    return this.inner.isOpen;
  }

  get handler(): StreamHandler {
    return this.user;
  }

  set handler(handler: StreamHandler) {
    this.user = handler;
  }

  accept(): void {
    this.inner.accept();
  }

  write(chunk: Buffer): boolean {
    this.watch.handleResponseBytes(chunk);
    return this.inner.write(chunk);
  }

  end(): void {
    this.hasEnded = true;
    this.watch.handleResponseEnd();
    this.closeWhenEnded();
    this.inner.end();
  }

  reset(code: ResetCode, detail?: string): void {
    if (UNREACHABLE.has(code)) this.watch.handleUnreachable(failureOf(code));
    else this.watch.handleClose(failureOf(code));
    this.inner.reset(code, detail);
  }

  pause(): void {
    this.inner.pause();
  }

  resume(): void {
    this.inner.resume();
  }

  private closeWhenEnded(): void {
    if (this.hasEnded && this.hasPeerEnded) this.watch.handleClose(null);
  }
}

/** Describes the outcome of a request whose stream was reset. */
function failureOf(code: ResetCode): string {
  switch (code) {
    case ResetCode.INGRESS_REFUSED:
      return 'connection refused';
    case ResetCode.INGRESS_UNREACHABLE:
      return 'not reachable';
    case ResetCode.INGRESS_DNS:
      return 'name not found';
    case ResetCode.INGRESS_TIMEOUT:
      return 'no connection in time';
    case ResetCode.INGRESS_TLS:
      return 'TLS failed';
    case ResetCode.INGRESS_RESET:
      return SERVICE_RESET;
    case ResetCode.TUNNEL_LOST:
      return 'connection to Culvert lost';
    case ResetCode.CANCEL:
      return 'visitor went away';
    default:
      return 'cancelled';
  }
}
