/** Checks whether the target answers. Reports once when it does not, keeps checking, and reports when it does again. */
import { showTarget, type Target } from '@culvert/client';
import { connectIngress, describeFailure, type IngressFailure } from '@culvert/outbound';
import { ResetCode } from '@culvert/tunnel';

const LOOK_AGAIN_MS = 1000;
const LOOK_TIMEOUT_MS = 5000;
/** Minimum interval of reports of a failure that a check cannot see the end of. */
const REPEAT_MS = 30_000;

export interface TargetWatchOptions {
  readonly target: Target;
  /** Prints a note to the person. */
  readonly note: (text: string) => void;
  readonly lookAgainMs?: number;
}

export class TargetWatch {
  private isDown = false;
  private toldTlsAt = Number.NEGATIVE_INFINITY;
  private timer: NodeJS.Timeout | null = null;
  private isClosed = false;

  constructor(private readonly options: TargetWatchOptions) {}

  /** Checks for the first time. */
  async start(): Promise<void> {
    const code = await this.look();
    if (code !== null) this.handleDown(code);
  }

  /** A request could not be delivered to the target, or its connection broke. */
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
      // A broken connection is shown with its request.
    }
  }

  close(): void {
    this.isClosed = true;
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private handleDown(code: ResetCode): void {
    if (this.isDown || this.isClosed) return;
    this.isDown = true;
    this.options.note(`${this.describe(code)} Until then, visitors get an error page.`);
    this.lookLater();
  }

  private describe(code: ResetCode): string {
    const name = showTarget(this.options.target);
    switch (code) {
      case ResetCode.INGRESS_REFUSED:
        return `Nothing listens at ${name} (connection refused). Start your service.`;
      case ResetCode.INGRESS_DNS:
        return `${this.options.target.host} does not exist. Check the name.`;
      default:
        return `${name} does not answer. Check the host and port.`;
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

  /** Resolves with null if the target accepts connections. */
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
      `TLS with ${showTarget({ host, port })} failed: ${detail}. If the certificate is your own, add --insecure-target. ` +
        `If the service does not use TLS, expose http://${showTarget({ host, port })}.`,
    );
  }
}
