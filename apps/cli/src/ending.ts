/** How a command that goes on comes to its end: somebody ends it, or something it cannot mend. */
import { CliError } from './cli-error.js';
import { EXIT } from './exit-code.js';

export class Ending {
  /** Rejects with the first reason; never resolves. */
  readonly reached: Promise<never>;
  private reject!: (error: CliError) => void;
  private first: CliError | null = null;

  constructor(private readonly signal: AbortSignal) {
    this.reached = new Promise((_resolve, reject) => {
      this.reject = reject;
    });
    // Heard by whoever waits at that moment.
    this.reached.catch(() => undefined);
    if (signal.aborted) this.end(signal.reason as CliError);
    else signal.addEventListener('abort', () => this.end(signal.reason as CliError), { once: true });
  }

  /** Whether a signal asked for it, such as Ctrl-C, or the reader of the output is gone. */
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

  /** What `work` resolves with, unless the end comes first. Its own failure is an end too. */
  async unless<T>(work: Promise<T>): Promise<T> {
    try {
      return await Promise.race([work, this.reached]);
    } catch (error) {
      this.end(error);
      return this.reached;
    }
  }

  /** As `unless`, and no longer than this. */
  async within<T>(ms: number, work: Promise<T>, late: () => CliError): Promise<T> {
    const timer = setTimeout(() => this.end(late()), ms);
    try {
      return await this.unless(work);
    } finally {
      clearTimeout(timer);
    }
  }
}

export function asCliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  return new CliError(EXIT.failure, `something went wrong in this program: ${(error as Error).message}`, {
    cause: error,
  });
}
