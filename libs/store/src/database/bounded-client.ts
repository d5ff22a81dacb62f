import { Client } from 'pg';

/** A server that has not answered for this long answers no more: longer than its own limit for a statement, which is an answer. */
export interface BoundedClientOptions {
  readonly connectMs: number;
  readonly answerMs: number;
}

/**
 * A class of connections that break when their server does not answer in time. pg itself would only give up the query
 * (`query_timeout`): the connection would go back to the pool as it is, and whoever has it next would wait again.
 */
export function boundedClient({ connectMs, answerMs }: BoundedClientOptions): typeof Client {
  return class BoundedClient extends Client {
    /** Ends the wait that is under way; null while nothing is waited for. */
    private endWait: (() => void) | null = null;

    constructor(...[config]: ConstructorParameters<typeof Client>) {
      super(config);
      const rest = (): void => {
        this.endWait?.();
        this.endWait = null;
      };
      // The pool connects what it makes.
      this.wait(connectMs);
      this.on('connect', rest);
      // Every query that was asked is answered.
      this.on('drain', rest);
      this.on('end', rest);
    }

    /** `never` is what fits all of its many forms. */
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
 * Calls `onEnd` after `ms`, in steps: a process that was too busy to read has not waited for its server, so a step that is late
 * counts once.
 * @returns what ends it before
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

/** As a socket's own error that nothing came in time, so that Prisma understands it. */
class NoAnswerError extends Error {
  readonly code = 'ETIMEDOUT';
  readonly syscall = 'read';
  readonly errno = -110;
  constructor() {
    super('the database does not answer');
  }
}
