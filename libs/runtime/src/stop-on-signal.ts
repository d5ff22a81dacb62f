import type { Logger } from 'pino';

export interface StopOptions {
  /** Finishes work in progress, then closes everything. Called once. */
  readonly stop: () => Promise<void>;
  /** How long that may take. */
  readonly graceMs: number;
  readonly log: Logger;
}

/**
 * The signal policy of every program of Culvert that runs until it is stopped.
 *
 * Runs `stop` on the first SIGTERM, SIGINT or SIGHUP and then ends the process: with 0 if it finished, with 1 if it failed
 * or took longer than `graceMs`. A second SIGTERM or SIGINT ends the process with 1 at once. A second SIGHUP does not: when
 * a terminal closes, its shell and the kernel may both send one.
 *
 * @returns a function that stops the process as the first signal does, for programs that are also stopped in other ways;
 * it does nothing once the process is stopping
 */
export function stopOnSignal({ stop, graceMs, log }: StopOptions): (cause: string) => void {
  let isStopping = false;

  const handleSignal = (signal: NodeJS.Signals): void => {
    if (isStopping && signal === 'SIGHUP') return;
    if (isStopping) {
      log.warn({ signal }, 'received a second signal: ending at once');
      process.exit(1);
    }
    begin(signal);
  };
  const begin = (cause: string): void => {
    if (isStopping) return;
    isStopping = true;
    log.info({ signal: cause, graceMs }, 'stopping');
    setTimeout(() => {
      log.error({ graceMs }, 'did not stop in time');
      process.exit(1);
    }, graceMs).unref();
    stop().then(
      () => {
        log.info('stopped');
        process.exit(0);
      },
      (error: unknown) => {
        log.error({ err: error }, 'did not stop cleanly');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', handleSignal);
  process.on('SIGINT', handleSignal);
  process.on('SIGHUP', handleSignal);
  return begin;
}
