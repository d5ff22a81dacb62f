/** The end of a long-running command: a person ends it, or an error that it cannot recover from. */
import { asCliError, type CliError } from './cli-error.js';

export class Ending {
  /** Rejects with the first reason; never resolves. */
  readonly reached: Promise<never>;
  private reject!: (error: CliError) => void;
  private first: CliError | null = null;

  constructor(private readonly signal: AbortSignal) {
    this.reached = new Promise((_resolve, reject) => {
      this.reject = reject;
    });
    // The current waiter handles the rejection; without one it must not count as unhandled.
    this.reached.catch(() => undefined);
    if (signal.aborted) this.end(signal.reason as CliError);
    else signal.addEventListener('abort', () => this.end(signal.reason as CliError), { once: true });
  }

  /** Whether a signal (such as Ctrl-C) or a closed output asked for the end. */
  get isAsked(): boolean {
    return this.first !== null && this.first === this.signal.reason;
  }

  get isReached(): boolean {
    return this.first !== null;
  }

  end(reason: unknown): void {
    if (this.first !== null) return;
    this.first = asCliError(reason);
    this.reject(this.first);
  }

  /** Resolves with the result of `work` unless the end comes first. If `work` fails, that is the end too. */
  async unless<T>(work: Promise<T>): Promise<T> {
    try {
      return await Promise.race([work, this.reached]);
    } catch (error) {
      this.end(error);
      return this.reached;
    }
  }

  /** Like `unless`, with a time limit. */
  async within<T>(ms: number, work: Promise<T>, late: () => CliError): Promise<T> {
    const timer = setTimeout(() => this.end(late()), ms);
    try {
      return await this.unless(work);
    } finally {
      clearTimeout(timer);
    }
  }
}
