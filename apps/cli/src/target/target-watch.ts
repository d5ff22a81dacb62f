/** Whether the target answers: says once when it does not, looks again and again, and says when it does. */
import { connectIngress, describeFailure, type IngressFailure } from '@culvert/outbound';
import { ResetCode } from '@culvert/tunnel';
import { showTarget, type Target } from './target.js';

const LOOK_AGAIN_MS = 1000;
const LOOK_TIMEOUT_MS = 5000;
/** A failure that looking again cannot see the end of is told of at most this often. */
const REPEAT_MS = 30_000;

export interface TargetWatchOptions {
  readonly target: Target;
  /** Says something to the person. */
  readonly note: (text: string) => void;
  readonly lookAgainMs?: number;
}

export class TargetWatch {
  private isDown = false;
  private toldTlsAt = Number.NEGATIVE_INFINITY;
  private timer: NodeJS.Timeout | null = null;
  private isClosed = false;

  constructor(private readonly options: TargetWatchOptions) {}

  /** Looks for the first time. */
  async start(): Promise<void> {
    const code = await this.look();
    if (code !== null) this.handleDown(code);
  }

  /** A request could not be given to the target, or its connection broke. */
  handleFailure({ code, detail }: IngressFailure): void {
    switch (code) {
      case ResetCode.INGRESS_REFUSED:
      case ResetCode.INGRESS_UNREACHABLE:
      case ResetCode.INGRESS_DNS:
      case ResetCode.INGRESS_TIMEOUT:
        this.handleDown(code);
        return;
      case ResetCode.INGRESS_TLS:
        this.tellTlsFailure(detail);
        return;
      default:
      // A connection that broke is shown with its request.
    }
  }

  close(): void {
    this.isClosed = true;
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private handleDown(code: ResetCode): void {
    if (this.isDown || this.isClosed) return;
    this.isDown = true;
    this.options.note(`${this.describe(code)} Visitors get an error page until it does.`);
    this.lookLater();
  }

  private describe(code: ResetCode): string {
    const name = showTarget(this.options.target);
    switch (code) {
      case ResetCode.INGRESS_REFUSED:
        return `Nothing listens at ${name} (connection refused): start your service.`;
      case ResetCode.INGRESS_DNS:
        return `${this.options.target.host} is not found: look whether its name is right.`;
      default:
        return `${name} does not answer: look whether the address is right.`;
    }
  }

  private lookLater(): void {
    if (this.isClosed) return;
    this.timer = setTimeout(() => void this.lookAgain(), this.options.lookAgainMs ?? LOOK_AGAIN_MS);
    this.timer.unref();
  }

  private async lookAgain(): Promise<void> {
    if ((await this.look()) !== null) return this.lookLater();
    if (this.isClosed) return;
    this.isDown = false;
    this.options.note(`${showTarget(this.options.target)} answers now.`);
  }

  /** Null when something accepts connections. */
  private look(): Promise<ResetCode | null> {
    const { host, port } = this.options.target;
    return new Promise((resolve) => {
      const socket = connectIngress({ host, port, tls: null }, () => undefined);
      socket.unref();
      const settle = (code: ResetCode | null): void => {
        socket.destroy();
        resolve(code);
      };
      socket.setTimeout(LOOK_TIMEOUT_MS, () => settle(ResetCode.INGRESS_TIMEOUT));
      socket.once('connect', () => settle(null));
      socket.on('error', (error) => settle(describeFailure(error, 'connecting').code));
    });
  }

  private tellTlsFailure(detail: string): void {
    const now = performance.now();
    if (now - this.toldTlsAt < REPEAT_MS) return;
    this.toldTlsAt = now;
    const { host, port } = this.options.target;
    this.options.note(
      `TLS with ${showTarget({ host, port })} failed: ${detail}. If its certificate is your own, add --insecure-target; ` +
        `if it speaks no TLS, expose http://${showTarget({ host, port })}.`,
    );
  }
}
