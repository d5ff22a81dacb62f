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
    private watch: NodeJS.Timeout | undefined;

    constructor(...[config]: ConstructorParameters<typeof Client>) {
      super(typeof config === 'object' ? { ...config, connectionTimeoutMillis: connectMs } : config);
      const rest = (): void => {
        clearTimeout(this.watch);
        this.watch = undefined;
      };
      // Every query that was asked is answered.
      this.on('drain', rest);
      this.on('end', rest);
    }

    /** `never` is what fits all of its many forms. */
    override query(...given: unknown[]): never {
      this.watch ??= setTimeout(() => this.connection.stream.destroy(new NoAnswerError()), answerMs);
      return (super.query as (...args: unknown[]) => unknown).apply(this, given) as never;
    }
  };
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
