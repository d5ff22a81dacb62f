import { Client } from 'pg';

/**
 * A server that has not answered for this long no longer answers: this exceeds its own limit for a statement, after which it
 * would report an error.
 */
export interface BoundedClientOptions {
  readonly connectMs: number;
  readonly answerMs: number;
}

/**
 * Creates a class of connections that break if their server does not answer in time. pg itself would only abandon the query
 * (`query_timeout`): the connection would return to the pool unchanged, and its next user would wait again.
 */
export function boundedClient({ connectMs, answerMs }: BoundedClientOptions): typeof Client {
  return class BoundedClient extends Client {
    /** Ends the current wait; null while nothing is awaited. */
    private endWait: (() => void) | null = null;

    constructor(...[config]: ConstructorParameters<typeof Client>) {
      super(config);
      const rest = (): void => {
        this.endWait?.();
        this.endWait = null;
      };
      // The pool connects the client it creates.
      this.wait(connectMs);
      this.on('connect', rest);
      // Every query has been answered.
      this.on('drain', rest);
      this.on('end', rest);
    }

    /** `never` matches all of its overloads. */
    override query(...given: unknown[]): never {
      this.wait(answerMs);
      return (super.query as (...args: unknown[]) => unknown).apply(this, given) as never;
    }

    private wait(ms: number): void {
      this.endWait ??= countDown(ms, () => this.connection.stream.destroy(new NoAnswerError()));
    }
  };
}

const STEPS = 5;

/**
 * Calls `onEnd` after `ms`, in steps: a process that was too busy to read has not waited for its server, so a late step
 * counts once.
 * @returns a function that cancels it
 */
function countDown(ms: number, onEnd: () => void): () => void {
  let left = STEPS;
  const step = (): void => {
    left--;
    if (left === 0) onEnd();
    else timer = setTimeout(step, ms / STEPS);
  };
  let timer = setTimeout(step, ms / STEPS);
  return () => clearTimeout(timer);
}

/** Returns the timeout error of a socket, which Prisma understands. */
class NoAnswerError extends Error {
  readonly code = 'ETIMEDOUT';
  readonly syscall = 'read';
  readonly errno = -110;
  constructor() {
    super('the database does not answer');
  }
}
