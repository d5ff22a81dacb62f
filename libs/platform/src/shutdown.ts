import type { Logger } from 'pino';

/**
 * Runs `stop` on the first SIGTERM or SIGINT and then ends the process: with 0 when it finished, with 1 when it
 * failed or took longer than `graceMs`. A second signal ends the process at once.
 */
export function stopOnSignal(options: {
  readonly stop: () => Promise<void>;
  readonly graceMs: number;
  readonly log: Logger;
}): void {
  const { stop, graceMs, log } = options;
  let isStopping = false;

  const handleSignal = (signal: NodeJS.Signals): void => {
    if (isStopping) {
      log.warn({ signal }, 'told to stop again: leaving at once');
      process.exit(1);
    }
    isStopping = true;
    log.info({ signal, graceMs }, 'stopping');
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
}
